"""PeerLanes: the lanes of this machine to others, one for each machine in the directory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from ...contracts.lane import Identity, LaneTransport
from ...contracts.registry import StarRecord
from ...errors import HyperverseError, Unavailable
from ...protocol.envelope import RevisionNotice, encode_lane
from ...scheduling.guarded_log import guarded_log
from ..cluster.directory import Directory
from ..cluster.facts import Facts
from ..cluster.lane_states import LaneStates
from .greeting import Greeting
from .peer_lane import PeerLane
from .pending import PendingAnswers
from .ports import Board, OutgoingLane
from .succession import Succession
from .traffic import LaneTraffic

__all__ = ["PeerLanes"]

_log = guarded_log("hyperverse.lane")


class PeerLanes:
    """The lanes to other machines, made on demand and closed when their machines are gone.

    Args:
        board: notified of the state of each lane.
        host: identifies this machine's host, see :class:`Facts`.
        transport: moves the frames.
        greeting: makes and checks the first frames.
        directory: the known machines.
        states: the lanes that are down; written here.
        pending: requests that wait for answers.
        traffic: counts what the lanes carry.
        chance: randomizes pauses.
        watch_keys: called before a lane is made, because keys may be removed from then on.
        later: runs work in a separate task.

    Attributes:
        by_name: the lanes, by the name of the other machine. Written only here.
        identity: identity of this machine, for the transport.
        succession: replaces lanes that are up.
    """

    def __init__(
        self,
        board: Board,
        host: str,
        *,
        transport: LaneTransport,
        greeting: Greeting,
        directory: Directory,
        states: LaneStates,
        pending: PendingAnswers,
        traffic: LaneTraffic,
        chance: random.Random,
        watch_keys: Callable[[], None],
        later: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self.by_name: dict[str, PeerLane] = {}
        self.identity = Identity()
        self._board = board
        self._host = host
        self._transport = transport
        self._greeting = greeting
        self._directory = directory
        self._states = states
        self._pending = pending
        self._traffic = traffic
        self._chance = chance
        self._watch_keys = watch_keys
        self._later = later
        self._known: dict[str, int] = {}
        self._elsewhere: dict[str, str] = {}
        self.succession = Succession(self.by_name, self._make, later)

    def add(self, name: str) -> PeerLane:
        """Makes the lane to a machine. Raises Unavailable if it has no address that can be reached from here."""
        record = self._directory.machine_record(name)
        if record is None or not record.address:
            raise Unavailable(f"machine {name!r} has no address in the directory", retry_after=0.5)
        if not self._can_reach(record):
            raise Unavailable(_elsewhere(name, record.address), retry_after=0.5)
        self._watch_keys()
        lane = self.by_name[name] = self._make(name, record.address, record.server_key)
        return lane

    def _make(self, name: str, address: str, server_key: str) -> PeerLane:
        return PeerLane(
            self._board,
            name,
            address,
            server_key,
            transport=self._transport,
            identity=self.identity,
            greeting=self._greeting,
            pending=self._pending,
            tally=self._traffic[name],
            chance=self._chance,
        )

    async def prove(self, identity: Identity, seconds: float) -> None:
        """Makes the lanes prove another key; see :meth:`Succession.prove`."""
        self.identity = identity
        await self.succession.prove(identity, seconds)

    def machines_changed(self, names: Collection[str]) -> None:
        """Called when the directory entries of these machines have changed: closes lanes to machines that are gone, and
        opens lanes to new ones."""
        self.succession.keep(lambda name: self._directory.machine_record(name) is not None)
        for name in sorted(names):
            record = self._directory.machine_record(name)
            if record is not None:
                self._follow(name, record)
                self._known[name] = record.incarnation
                continue
            self._known.pop(name, None)
            lane = self.by_name.pop(name, None)
            if lane is not None:
                self._states.came_up(name)  # it is no longer wanted
                self._later(lane.retire())
            if self._elsewhere.pop(name, ""):
                self._states.came_up(name)

    def _follow(self, name: str, record: StarRecord) -> None:
        """Adapts the lane to one machine to the directory."""
        lane = self.by_name.get(name)
        if lane is not None and (lane.address, lane.server_key) != (record.address, record.server_key):
            if lane.peer is not None and self._known.get(name) == record.incarnation:  # a new key in the same run
                self.succession.begin(name, record.address, record.server_key)
                return
            self.succession.drop(name)
            self.by_name.pop(name).give_up()
            self._states.came_up(name)
            self._later(lane.close())
            lane = None
        if record.address and not self._can_reach(record):
            self._elsewhere[name] = _elsewhere(name, record.address)
            self._states.went_down(name, self._elsewhere[name])
        elif self._elsewhere.pop(name, ""):
            self._states.came_up(name)
        if lane is None and self._can_reach(record):
            self.add(name).connect()
        elif lane is not None and lane.down and self._known.get(name) != record.incarnation:
            lane.hurry()  # the machine has returned

    def _can_reach(self, record: StarRecord) -> bool:
        """Whether a machine has an address that works from this host."""
        if not record.address:
            return False
        host = Facts.read(record.facts).host
        return not host or host == self._host or self._works_elsewhere(record.address)

    def _works_elsewhere(self, address: str) -> bool:
        try:
            return self._transport.works_elsewhere(address)
        except HyperverseError:  # not an address of this transport: connecting reports that
            return True

    def hurry(self, name: str) -> None:
        """Connects to a machine now instead of after the pause, if there is a lane to it."""
        lane = self.by_name.get(name)
        if lane is not None:
            lane.hurry()

    def hurry_all(self) -> None:
        """Connects every lane that is down now."""
        for lane in self.by_name.values():
            if lane.down:
                lane.hurry()

    def cut_untrusted(self) -> None:
        """Ends the connections to machines whose keys are no longer admitted."""
        for lane in list(self.by_name.values()):
            other = lane.peer
            if other is None:
                continue
            try:
                self._greeting.check_server(lane.name, lane.server_key)
            except HyperverseError as exc:
                _log.warning("the lane to machine %s ends: %s", lane.name, exc.message)
                self._board.lane_down(other, exc.message)
                self._later(self._transport.disconnect(other))

    def went_down(self, lane: OutgoingLane) -> None:
        """Handles a lane that went down, or failed to reconnect, perhaps for a new cause."""
        if self.by_name.get(lane.name) is lane:
            self._states.went_down(lane.name, lane.cause)

    def tell_all(self, revision: int) -> None:
        """Notifies the other machines of a commit. A machine that misses this finds the commit a little later."""
        frame = encode_lane(RevisionNotice(revision))
        for lane in self.by_name.values():
            lane.notify(frame)

    def causes(self) -> dict[str, str]:
        """Returns why the lane to each other machine is down, by its name; empty for a lane that is up."""
        known = {name: (lane.cause or "it is down") if lane.down else "" for name, lane in self.by_name.items()}
        return dict(sorted((known | self._elsewhere).items()))

    def queues(self) -> dict[str, tuple[int, int]]:
        """Returns how many frames wait for the lane to each other machine, and their bytes, by its name."""
        return {name: lane.queue for name, lane in sorted(self.by_name.items())}

    async def close(self) -> None:
        """Closes all lanes."""
        lanes = list(self.by_name.values())
        self.by_name.clear()
        await self.succession.close()
        await asyncio.gather(*(lane.close() for lane in lanes), return_exceptions=True)


def _elsewhere(machine: str, address: str) -> str:
    return (
        f"machine {machine!r} is on another host and announces the address {address!r}, which only that host can "
        "reach: set `address` in [lanes] there, or `advertise` to how other hosts reach it"
    )
