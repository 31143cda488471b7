"""Forwards frames for other machines, or reports to the sender's side that they cannot be forwarded."""

from __future__ import annotations

from collections.abc import Callable

from ...contracts.lane import Peer
from ...errors import HyperverseError, LoopDetected, Unavailable
from ...protocol.envelope import Envelope, encode_lane
from ...scheduling.guarded_log import guarded_log
from ...universe.waves.wave import Outcome, Pong
from ..cluster.directory import Directory
from ..cluster.ways import Ways
from .guests import Guests
from .peer_lanes import PeerLanes
from .ports import LaneRequest

__all__ = ["Onward"]

_log = guarded_log("hyperverse.lane")


class Onward:
    """Forwards frames over the lanes of this machine.

    Args:
        directory, ways: the known machines, and the routes to stars.
        peers: the lanes that this machine made.
        guests: the connections that others made to this machine.
        refuse: answers a request with a refusal.
    """

    __slots__ = ("_directory", "_guests", "_peers", "_refuse", "_ways")

    def __init__(
        self,
        directory: Directory,
        ways: Ways,
        peers: PeerLanes,
        guests: Guests,
        *,
        refuse: Callable[[LaneRequest, Pong], None],
    ) -> None:
        self._directory = directory
        self._ways = ways
        self._peers = peers
        self._guests = guests
        self._refuse = refuse

    def send(self, star: str, frame: bytes, priority: int) -> None:
        """Sends a frame towards a star. Raises Unavailable if there is no route or the lane is full."""
        name = self._ways.to(star)
        (self._peers.by_name.get(name) or self._peers.add(name)).send(frame, priority)

    def pass_on(self, envelope: Envelope, via: Peer, machine: str) -> None:
        """Forwards a frame that ``machine`` sent by ``via``. If that fails, reports it to the machine that must
        know."""
        try:
            self._pass_on(envelope, machine)
        except HyperverseError as exc:
            if envelope.origin:
                self.bounce(envelope, via, exc.status, exc.message)
            else:
                self.answer(envelope, exc.message)

    def _pass_on(self, envelope: Envelope, machine: str) -> None:
        """Raises LoopDetected if it was forwarded too often, and Unavailable if there is no route, or only one that
        leads back, because machines with different knowledge must not send it back and forth."""
        if envelope.left <= 0:
            raise LoopDetected(f"it was forwarded too often on its way to {envelope.star}")
        envelope.left -= 1
        envelope.passed = (*envelope.passed, machine)
        if self._ways.to(envelope.star) in envelope.passed:
            raise Unavailable(self._ways.no_other(envelope.star), retry_after=0.5)
        self.send(envelope.star, encode_lane(envelope), envelope.priority)

    def bounce(self, envelope: Envelope, via: Peer | None, status: int, error: str) -> None:
        """Reports to the machine that sent an envelope that it cannot be forwarded."""
        if envelope.origin:
            self._refuse(LaneRequest(envelope, via), Pong(status, {"error": error}, outcome=Outcome.REJECTED))

    def answer(self, envelope: Envelope, cause: str) -> None:
        """Sends an answer that no lane of this machine can carry over the connection that the asking machine made. The
        request may have arrived by that connection, and the asking side waits as long as it lasts.

        Args:
            cause: why the lanes of this machine cannot carry it.
        """
        machine = self._directory.machine_of.get(envelope.star, "")
        for peer, transmit in self._guests.of(machine):
            try:
                transmit(peer, encode_lane(envelope), priority=envelope.priority)
            except HyperverseError as exc:
                cause = exc.message
            else:
                return
        _log.warning("an answer for %s is lost: %s", envelope.star, cause)
