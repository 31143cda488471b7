"""Switchboard: the lanes of this machine. Stars of one machine need no lane; others are reached through a transport."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from ...contracts.lane import Identity, LaneTransport, Peer
from ...errors import Forbidden, HyperverseError, ProtocolError, Unavailable
from ...protocol.codec import decode
from ...protocol.envelope import Envelope, Hello, Refused, RevisionNotice, decode_lane, encode_lane
from ...protocol.messages import Echoes, ProvisionReply
from ...protocol.versions import BETWEEN_MACHINES, Transmit, reader_of, sender_of
from ...universe.waves.wave import Outcome, Pong, Signal
from ..cluster.directory import Directory
from ..cluster.lane_states import LaneStates
from ..cluster.trusted_keys import TrustedKeys
from ..cluster.ways import Ways
from ..interception.interceptors import Interceptors
from ..stars.star import Star
from .board_settings import BoardSettings
from .greeting import Authenticate, Greeting
from .guests import Guests
from .key_watch import KeyWatch
from .listener import Listener
from .onward import Onward
from .origins import objection
from .peer_lanes import PeerLanes
from .pending import PendingAnswers
from .ports import InboundPort, LaneRequest, OutgoingLane
from .traffic import LaneTraffic

__all__ = ["Switchboard"]

_ANSWER = 2
"""Priority of an answer: before all work that has not begun; answers to urgent waves before others."""


class Switchboard:
    """The lanes between this machine and others, and the listener to which others connect.

    Args:
        settings: see :class:`BoardSettings`.
        transport: moves the frames.
        keys: the admitted machines.
        authenticate: asks the policy about a machine whose key is not proved.
        directory, ways: the known machines, and the routes to stars.
        states: the lanes that are down; written here.
        pending: requests that wait for answers.
        heard: called with the registry revision that another machine has committed.
        objected: called for a forbidden message, with the name of the machine, the star of the message, and the reason.
        interceptors: observe the lanes.
        chance: randomizes pauses.

    Attributes:
        address, server_key: address and key of this machine's listener, as announced in the directory.
        listener: the endpoints at which others connect.
        peers: the lanes to other machines.
        traffic: what the lanes have carried.
        outgoing: connections that this machine made. Written only here; see :meth:`connected`, :meth:`forgotten`.
    """

    def __init__(
        self,
        settings: BoardSettings,
        transport: LaneTransport,
        keys: TrustedKeys,
        *,
        authenticate: Authenticate,
        directory: Directory,
        ways: Ways,
        states: LaneStates,
        pending: PendingAnswers,
        heard: Callable[[int], None],
        objected: Callable[[str, str, HyperverseError], None],
        interceptors: Interceptors,
        chance: random.Random,
    ) -> None:
        self.settings = settings
        self.transport = transport
        self.keys = keys
        self.identity = Identity()
        self.greeting = Greeting(
            settings.machine,
            settings.constellation,
            keys,
            transport.proves_peers,
            authenticate,
            str(settings.lanes.get("machine_credentials", "")),
        )
        self.address = ""
        self.server_key = ""
        self.pending = pending
        self.outgoing: dict[Peer, OutgoingLane] = {}
        self.traffic = LaneTraffic()
        self.listener = Listener(settings, transport, self)
        self._directory = directory
        self._ways = ways
        self._states = states
        self._heard = heard
        self._objected = objected
        self._interceptors = interceptors
        self._inbound: InboundPort
        self._own: dict[str, Star] = {}
        self._origin = ""
        self._key_watch = KeyWatch(keys, cut=self._cut_untrusted, each_time=self._tell_traffic)
        self.peers = PeerLanes(
            self,
            settings.host,
            transport=transport,
            greeting=self.greeting,
            directory=directory,
            states=states,
            pending=pending,
            traffic=self.traffic,
            chance=chance,
            watch_keys=self._key_watch.begin,
            later=self._later,
        )
        self._guests = Guests(
            transport,
            self.greeting,
            use=self.use,
            admitted=self._admitted,
            forget=self._forget,
            later=self._later,
        )
        self._onward = Onward(directory, ways, self.peers, self._guests, refuse=self._refuse)
        self._older: dict[Peer, Callable[[bytes], bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, stars: Sequence[Star], home: Star, inbound: InboundPort) -> None:
        """Opens the listener for other machines. Raises Unavailable if its address is in use.

        Args:
            stars: the stars of this machine.
            home: the star that represents this machine.
            inbound: handles requests of others.
        """
        self._inbound = inbound
        self._own = {star.text: star for star in stars}
        self._origin = home.text
        self.identity = self.peers.identity = self.keys.own(self.settings.machine, self.transport)
        self.address = await self.listener.open(self.identity)
        self.server_key = self.identity.public

    # -- another key --------------------------------------------------------------------------------------

    async def prove(self, identity: Identity, seconds: float) -> None:
        """Makes the lanes to other machines prove another key; see :meth:`PeerLanes.prove`."""
        self.identity = identity
        await self.peers.prove(identity, seconds)

    def end_key(self, endpoint: str) -> None:
        """Ends the key that an endpoint proves and that our connections proved before."""
        self._guests.end(endpoint)
        self.peers.succession.end()

    async def greeted(self, lane: OutgoingLane) -> None:
        """Both ends of a lane have greeted: it may replace another lane."""
        await self.peers.succession.greeted(lane)

    # -- out ----------------------------------------------------------------------------------------------

    def send(
        self, star: str, number: int, origin: str, payload: bytes, *, priority: int = 3, incarnation: int = 0
    ) -> str:
        """Sends a frame to a star of another machine. Returns the name of the machine that gets it first.

        Args:
            incarnation: the incarnation that may answer; 0 for any.

        Raises Unavailable if there is no route or the lane is full."""
        raw = msgspec.Raw(payload)
        frame = encode_lane(Envelope(star, self.settings.hops, number, origin, priority, (), raw, incarnation))
        name = self._ways.by_star.get(star) or self._ways.to(star)
        (self.peers.by_name.get(name) or self.peers.add(name)).send(frame, priority)
        return name

    def answer(self, request: LaneRequest, payload: bytes) -> None:
        """Sends the answer to a request on the connection by which it arrived, or by any route if that has ended.

        Raises Unavailable if there is no route or the lane is full."""
        envelope, via = request.envelope, request.via
        star, priority = envelope.origin, min(envelope.priority, _ANSWER)
        frame = encode_lane(Envelope(star, self.settings.hops, envelope.number, "", priority, (), msgspec.Raw(payload)))
        transmit = self._guests.answers.get(via) if via is not None else None
        if via is not None and transmit is not None:
            transmit(via, frame, priority=priority)
            tally = self.traffic[self._guests.names[via]]
            tally.waves_out += 1
            tally.bytes_out += len(frame)
        else:
            self._onward.send(star, frame, priority)

    async def room(self, request: LaneRequest) -> None:
        """Returns when an answer may be tried again after LaneFull. Raises Unavailable."""
        star, via = request.envelope.origin, request.via
        if via is None or via not in self._guests.names:
            lane = self.peers.by_name.get(self._ways.to(star))
            via = lane.peer if lane is not None else None
        if via is None:
            raise Unavailable(f"there is no lane to {star}", retry_after=0.5)
        await self.transport.drain(via)

    # -- changes of stars and lanes -----------------------------------------------------------------------

    def connected(self, peer: Peer, lane: OutgoingLane) -> None:
        """A lane made a connection: frames on it belong to the lane until both sides have greeted."""
        self.outgoing[peer] = lane

    def forgotten(self, peer: Peer) -> None:
        """A lane has abandoned a connection, and ignores it from now on."""
        self.outgoing.pop(peer, None)

    def lane_is(self, lane: OutgoingLane, up: bool) -> None:
        """A lane has come up or gone down: routes change."""
        if self.peers.succession.waits(lane):
            return  # the lane that it will replace is up
        if up:
            self._states.came_up(lane.name)
        else:
            self.peers.went_down(lane)
        self._ways.changed()
        if not up:
            self.pending.lane_lost(lane.name, lane.cause)
        tell = self._interceptors.tell
        if up:
            tell(self._interceptors.lane_up, lane.name)
        else:
            self._tell_traffic()
            tell(self._interceptors.lane_down, lane.name, lane.cause)

    def still_down(self, lane: OutgoingLane) -> None:
        """A lane failed to reconnect, perhaps for a new cause."""
        self.peers.went_down(lane)

    def undelivered(self, frame: bytes, cause: str) -> None:
        """Called when a frame that waited for a lane was not sent: the caller that waits for its answer learns that it
        did not run. An answer takes another connection."""
        envelope = decode_lane(frame)
        if not isinstance(envelope, Envelope):
            return
        if not envelope.origin:
            self._onward.answer(envelope, cause)
            return
        error = f"there is no lane to {envelope.star}: {cause}"
        if envelope.origin == self._origin:
            self.pending.settle(envelope.number, Pong(503, {"error": error}, outcome=Outcome.REJECTED))
        else:
            self._onward.bounce(envelope, None, 503, error)

    def _refuse(self, request: LaneRequest, reply: Pong) -> None:
        self._inbound.refuse(request, reply)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- keys that are allowed no more --------------------------------------------------------------------

    def _tell_traffic(self) -> None:
        """Reports to observers what the lanes have carried."""
        listeners = self._interceptors.lane_carried
        if listeners:
            for machine, traffic in self.traffic.news():
                self._interceptors.tell(listeners, machine, traffic)

    def keys_changed(self) -> None:
        """The admitted keys in the registry have changed."""
        self._cut_untrusted()
        self.peers.hurry_all()

    def _cut_untrusted(self) -> None:
        """Ends the connections, in and out, of machines whose keys are no longer admitted."""
        self._guests.refuse_untrusted()
        self.peers.cut_untrusted()

    # -- in: called by the transport ----------------------------------------------------------------------

    def lane_up(self, peer: Peer) -> None:
        """Handles a new connection. The machine must say hello."""
        self._guests.came(peer)

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """Handles frames from a machine."""
        own, machine = self._own, self._machine_at(peer)
        tally = self.traffic[machine] if machine else None
        read = self._older.get(peer) if self._older else None
        try:
            for frame in frames:
                said = decode_lane(frame if read is None else read(frame))
                if not isinstance(said, Envelope):
                    if not isinstance(said, RevisionNotice):
                        self._take(peer, said)
                        machine = self._machine_at(peer)
                        tally = self.traffic[machine] if machine else None
                    elif machine:
                        self._heard(said.revision)
                elif tally is not None:
                    tally.waves_in += 1
                    tally.bytes_in += len(frame)
                    star = own.get(said.star)
                    if star is not None:
                        self._arrived(star, said, peer, machine)
                    else:
                        self._onward.pass_on(said, peer, machine)
        except ProtocolError as exc:
            self._guests.refuse(peer, 400, exc.message)

    def _arrived(self, star: Star, envelope: Envelope, via: Peer, machine: str) -> None:
        """Handles an envelope for a star of this machine: a request is handled, and an answer is passed to its waiting
        request. Both are ignored if the machine may not send them. Raises ProtocolError if it is neither."""
        message = decode(envelope.payload, star.loop.time())
        kind = type(message)
        if envelope.origin or kind is Signal:
            error = objection(envelope, message, machine, self._directory.machine_of, self._ways.next_machine)
            if error is not None:
                self._object(machine, envelope, via, error)
            else:
                self._inbound.serve(star, LaneRequest(envelope, via), message)
        elif kind is Pong or kind is Echoes or kind is ProvisionReply:
            passed, machine_of = envelope.passed, self._directory.machine_of
            if not self.pending.answered(envelope.number, message, machine, passed, machine_of):
                said = f"machine {machine!r} has answered a request to another machine"
                self._object(machine, envelope, None, Forbidden(said))
        else:
            raise ProtocolError(f"{kind.__name__} is not an answer")

    def _object(self, machine: str, envelope: Envelope, via: Peer | None, error: HyperverseError) -> None:
        """Handles a forbidden message of a machine: logs and reports it, and answers the request."""
        self._objected(machine, envelope.star, error)
        if via is not None and envelope.origin:
            self._inbound.refuse(LaneRequest(envelope, via), Pong.failure(error))

    def _machine_at(self, peer: Peer) -> str:
        """Returns the name of the machine at the other end; empty until both sides have greeted."""
        name = self._guests.names.get(peer)
        if name is not None:
            return name
        lane = self.outgoing.get(peer)
        return lane.name if lane is not None and lane.peer is peer else ""

    def _take(self, peer: Peer, said: Hello | Refused) -> None:
        lane = self.outgoing.get(peer)
        if lane is not None:
            if isinstance(said, Hello):
                lane.welcomed(said)
            else:
                lane.refused(said)
        elif isinstance(said, Hello):
            self._guests.greet(peer, said)

    def _admitted(self, machine: str) -> None:
        """Handles the admission of a machine."""
        self._key_watch.begin()
        self.peers.hurry(machine)  # a machine that reached this one can be reached

    def use(self, peer: Peer, number: int) -> Transmit:
        """Reads frames of ``peer`` by that protocol number from now on; returns the function that sends frames to
        it."""
        read = reader_of(number, BETWEEN_MACHINES)
        if read is not None:
            self._older[peer] = read
        return sender_of(self.transport.send, number, BETWEEN_MACHINES)

    def _forget(self, peer: Peer) -> None:
        self._guests.went(peer)
        self._older.pop(peer, None)

    def lane_down(self, peer: Peer, reason: str) -> None:
        """Handles the loss of a connection."""
        self._forget(peer)
        lane = self.outgoing.pop(peer, None)
        if lane is not None:
            lane.broken(reason)

    async def close(self) -> None:
        """Closes all lanes."""
        await self._key_watch.close()
        await self.peers.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
