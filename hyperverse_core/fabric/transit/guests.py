"""Guests: the machines that connected to this one. Each is refused, or greeted and admitted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from ...contracts.lane import LaneTransport, Peer
from ...errors import HyperverseError, Unauthorized
from ...protocol.envelope import Hello, Refused, encode_lane
from ...protocol.versions import Transmit
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from .greeting import Greeting

__all__ = ["Guests"]

_log = guarded_log("hyperverse.lane")
_REPLACED = "the key that this machine proved here was replaced"
_REFUSED = 1000
"""Number of refused machines whose reason is remembered, so that the log does not repeat it."""


class Guests:
    """The connections that other machines have made to this one.

    Args:
        transport: moves the frames.
        greeting: determines which machines are admitted.
        use: sets the protocol number by which frames of a peer are read; returns the function that sends frames to it.
        admitted: called with the name of an admitted machine.
        forget: called with a peer that is refused, before it is disconnected.
        later: runs work in a separate task.

    Attributes:
        names: names of the admitted machines, by connection.
        answers: the functions that send answers to them.
    """

    def __init__(
        self,
        transport: LaneTransport,
        greeting: Greeting,
        *,
        use: Callable[[Peer, int], Transmit],
        admitted: Callable[[str], None],
        forget: Callable[[Peer], None],
        later: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self.names: dict[Peer, str] = {}
        self.answers: dict[Peer, Transmit] = {}
        self._transport = transport
        self._greeting = greeting
        self._use = use
        self._admitted = admitted
        self._forget = forget
        self._later = later
        self._checking: set[Peer] = set()
        self._refused: dict[str, str] = {}
        self._ended: set[str] = set()

    def of(self, machine: str) -> list[tuple[Peer, Transmit]]:
        """Returns the connections that a machine made to this one, the newest first, each with the function that sends
        to it."""
        found = [(peer, self.answers[peer]) for peer, name in self.names.items() if name == machine]
        return found[::-1]

    def end(self, endpoint: str) -> None:
        """Ends the key of an endpoint: no machine can connect with it any more, and its connections end."""
        self._ended.add(endpoint)
        for peer in [peer for peer in self.names if peer.endpoint == endpoint]:
            self.refuse(peer, Unauthorized.status, _REPLACED)

    def _check_endpoint(self, peer: Peer) -> None:
        if peer.endpoint in self._ended:
            raise Unauthorized(_REPLACED)

    def came(self, peer: Peer) -> None:
        """Handles a new connection. It is refused if its key is not admitted; otherwise the machine must say hello."""
        try:
            self._check_endpoint(peer)
            self._greeting.check_key(peer)
        except HyperverseError as exc:
            self.refuse(peer, exc.status, exc.message, exc.hint)

    def went(self, peer: Peer) -> None:
        """Handles the end of a connection."""
        self.names.pop(peer, None)
        self.answers.pop(peer, None)
        self._checking.discard(peer)

    def greet(self, peer: Peer, hello: Hello) -> None:
        """Handles a hello: admits the machine if it has proved its name, otherwise refuses it. If keys are not proved,
        asks the policy first."""
        if not self._greeting.proved(peer):
            if peer not in self._checking:
                self._checking.add(peer)
                self._later(self._greet_unproved(peer, hello))
            return
        try:
            self._check_endpoint(peer)
            self._greeting.check_name(peer, hello)
            self._admit(peer, hello)
        except HyperverseError as exc:
            self.refuse(peer, exc.status, exc.message, exc.hint)

    async def _greet_unproved(self, peer: Peer, hello: Hello) -> None:
        """Admits a machine whose key is not proved if the policy accepts its credentials. Its frames are dropped until
        then."""
        try:
            await self._greeting.check_credentials(peer, hello)
            if peer in self._checking:  # otherwise it has disconnected
                self._admit(peer, hello)
        except HyperverseError as exc:
            self.refuse(peer, exc.status, exc.message, exc.hint)
        except BaseException as exc:
            if ends_task(exc):
                raise
            _log.exception("the policy failed to authenticate machine %r", hello.machine)
            self.refuse(peer, 503, "the policy failed to check the credentials")

    def _admit(self, peer: Peer, hello: Hello) -> None:
        """Admits a machine that has proved its name. Raises ProtocolError if no protocol number fits."""
        number = self._greeting.agreed(hello)
        self._transport.send(peer, encode_lane(self._greeting.hello()))
        self.names[peer] = hello.machine
        self.answers[peer] = self._use(peer, number)
        self._refused.pop(peer.key, None)
        self._admitted(hello.machine)

    def refuse(self, peer: Peer, status: int, error: str, hint: str = "") -> None:
        """Sends a machine the reason why it is refused, and disconnects it."""
        # It tries once per second, so a known reason is not logged again.
        level = logging.DEBUG if self._refused.get(peer.key) == error else logging.WARNING
        _log.log(level, "a machine at %s is refused: %s", peer.name, error)
        if len(self._refused) >= _REFUSED:
            self._refused.clear()
        self._refused[peer.key] = error
        try:
            self._transport.send(peer, encode_lane(Refused(status, error, hint)))
        except HyperverseError as exc:
            _log.debug("the refusal could not be sent: %s", exc)
        self._forget(peer)
        self._later(self._transport.disconnect(peer))

    def refuse_untrusted(self) -> None:
        """Refuses machines whose keys are no longer admitted."""
        for peer, name in list(self.names.items()):
            if self._greeting.proved(peer) and self._greeting.keys.holder(peer.key) != name:
                self.refuse(peer, Unauthorized.status, f"the key of machine {name!r} is no longer allowed")
