"""A lane to another machine: connected on demand, and reconnected when it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque

from ...contracts.lane import Identity, LaneTransport, Peer
from ...errors import BadRequest, HyperverseError, LaneFull, ProtocolError, Unavailable, described
from ...protocol.envelope import Hello, Refused, encode_lane
from ...protocol.versions import Transmit
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from .greeting import Greeting
from .pending import PendingAnswers
from .ports import Board
from .traffic import Tally

__all__ = ["PeerLane"]

_log = guarded_log("hyperverse.lane")
_QUEUE = 10_000
_QUEUE_BYTES = 64 * 1024 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_TIMEOUT = 3.0
_NOTICE = 1
"""Priority of incidental notices: ahead of waves, which might be sent to a place that a notice reports as gone."""
_LAST = 4
"""Priority of a greeting that confirms that everything before it was sent."""
_LAST_ANSWERS = 2.0
"""Seconds in which answers of a machine that has left may still arrive."""


class PeerLane:
    """Carries the frames of this machine to one other machine. That machine sends over its own lane to this one.

    While it connects or reconnects, frames wait in order. If connecting fails, they are returned to their senders, and
    the lane counts as down until it is up again. Once it is up, they are sent as fast as the transport accepts them;
    new frames wait behind them.

    Args:
        board: notified of the state of the lane.
        name: name of the other machine.
        address, server_key: address and key of its listener.
        transport: moves the frames.
        identity: identity of this machine, for the transport.
        greeting: makes and checks the first frames.
        pending: requests that wait for answers.
        tally: counts what it sends.
        chance: randomizes pauses.

    Attributes:
        peer: its connection once both sides have greeted, otherwise None.
        cause: why it is down, or was down last.
        down: whether it could not be connected, or broke.
    """

    def __init__(
        self,
        board: Board,
        name: str,
        address: str,
        server_key: str,
        *,
        transport: LaneTransport,
        identity: Identity,
        greeting: Greeting,
        pending: PendingAnswers,
        tally: Tally,
        chance: random.Random,
    ) -> None:
        self._tally = tally
        self._board = board
        self._transport = transport
        self._identity = identity
        self._greeting = greeting
        self._pending = pending
        self._chance = chance
        self.name = name
        self.address = address
        self.server_key = server_key
        self.peer: Peer | None = None
        self.cause = ""
        self.down = False
        self._refusal = ""
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._waiting_bytes = 0
        self._transmit: Transmit = transport.send
        self._connection: Peer | None = None  # from before both sides have greeted until it ends
        self._welcome: asyncio.Future[Hello] | None = None
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._retired = False
        self._superseded = False

    def send(self, frame: bytes, priority: int) -> None:
        """Sends or queues a frame. Raises Unavailable if the lane is down or full, and the frame was not accepted."""
        if self.peer is not None and not self._waiting:
            self._transmit(self.peer, frame, priority=priority)
            self._tally.sent(len(frame))
            return
        if self.down:
            raise Unavailable(f"there is no lane to machine {self.name!r}: {self.cause}", retry_after=0.5)
        self._check_room(len(frame))
        self._waiting.append((frame, priority))
        self._waiting_bytes += len(frame)
        self.connect()

    @property
    def queue(self) -> tuple[int, int]:
        """Returns how many frames wait for the connection, and their bytes."""
        return len(self._waiting), self._waiting_bytes

    def _check_room(self, size: int) -> None:
        if len(self._waiting) >= _QUEUE:
            raise Unavailable(f"{_QUEUE} waves wait for the lane to machine {self.name!r}", retry_after=0.2)
        if self._waiting and self._waiting_bytes + size > _QUEUE_BYTES:
            said = f"waves of {self._waiting_bytes} bytes wait for the lane to machine {self.name!r}"
            raise Unavailable(said, hint=f"at most {_QUEUE_BYTES} bytes can wait", retry_after=0.2)

    def notify(self, frame: bytes) -> None:
        """Sends a frame that may be lost."""
        if self.peer is not None and not self._waiting:
            try:
                self._transmit(self.peer, frame, priority=_NOTICE)
            except HyperverseError as exc:
                _log.debug("machine %s is not notified: %s", self.name, exc)

    def hurry(self) -> None:
        """Tries to connect now instead of after the pause."""
        self._hurry.set()

    def connect(self) -> None:
        """Starts to connect, unless that is in progress."""
        if self._task is None and self.peer is None:
            self._task = asyncio.get_running_loop().create_task(self._connecting(), name=f"lane to {self.name}")

    async def _connecting(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._connect()
            except HyperverseError as exc:
                self._gone(exc.message)
            except (
                BaseException
            ) as exc:  # an error of the transport: without another attempt, the lane would stay down forever
                if ends_task(exc):
                    raise
                _log.exception("the lane to machine %s could not be connected; please report it", self.name)
                self._gone(f"{described(exc)}")
            else:
                await self._send_waiting()
                if self.peer is not None or self._retired:
                    self._task = None
                    return
                pause = _FIRST_PAUSE  # it broke meanwhile, and the waiting frames were returned
                continue
            pause = await self._pause(pause)

    async def _pause(self, seconds: float) -> float:
        """Waits about that long, or until there is a reason to hurry; returns how long to wait the next time."""
        self._hurry.clear()
        try:
            async with asyncio.timeout(seconds * (0.5 + self._chance.random())):
                await self._hurry.wait()
            return _FIRST_PAUSE
        except TimeoutError:
            return min(seconds * 2, _LONGEST_PAUSE)

    async def _connect(self) -> None:
        board, transport, greeting = self._board, self._transport, self._greeting
        self._check_transport()
        peer = await transport.connect(
            self.address, board, identity=self._identity, server_key=self.server_key, timeout=_TIMEOUT
        )
        self._welcome = asyncio.get_running_loop().create_future()
        self._connection = peer
        board.connected(peer, self)
        try:
            transport.send(peer, encode_lane(greeting.hello()))
            async with asyncio.timeout(_TIMEOUT):
                hello = await self._welcome
            if not greeting.proved(peer):
                await greeting.check_credentials(peer, hello)
            greeting.check_server(self.name, self.server_key)
            number = greeting.agreed(hello)
            await board.greeted(self)
        except TimeoutError:
            await self._dismiss(peer)
            raise Unavailable(f"machine {self.name!r} does not answer the greeting") from None
        except BaseException:
            await self._dismiss(peer)
            raise
        if self._connection is not peer:
            raise Unavailable(f"the connection to {self.name!r} broke immediately")
        self._transmit = board.use(peer, number)
        self.peer = peer
        self.down, self.cause = False, ""
        self._refusal = ""
        _log.info("lane to machine %s is up", self.name)
        board.lane_is(self, True)

    def _check_transport(self) -> None:
        """Raises Unavailable if the other machine uses another transport, which its key shows."""
        if not self._transport.proves_peers:
            return
        try:
            self._transport.check_key(self.server_key)
        except BadRequest as exc:
            raise Unavailable(
                f"machine {self.name!r} uses another transport: set the same `driver` in [lanes] on all machines"
            ) from exc

    def prove(self, identity: Identity) -> None:
        """Switches to another key of this machine: the next connection proves it."""
        self._identity = identity

    async def supersede(self) -> None:
        """Prepares for the replacement by another lane. Returns when everything sent on this lane has arrived, as far
        as that can be known, because frames of the other lane must not overtake it. The connection stays open for
        answers."""
        self._superseded = self._retired = True
        try:
            async with asyncio.timeout(_TIMEOUT):
                if self._task is not None:
                    await asyncio.wait({self._task})
                if (
                    self.peer is not None
                ):  # frames arrive in order, so a machine that answers has received all earlier ones
                    self._welcome = asyncio.get_running_loop().create_future()
                    self._transmit(self.peer, encode_lane(self._greeting.hello()), priority=_LAST)
                    await self._welcome
        except (TimeoutError, HyperverseError) as exc:
            _log.debug("the lane to machine %s, which is being replaced, has broken: %s", self.name, described(exc))

    async def _send_waiting(self) -> None:
        """Sends the frames that waited for the connection, until none are left or the connection has ended."""
        while self._waiting and self.peer is not None:
            frame, priority = self._waiting.popleft()
            try:
                self._transmit(self.peer, frame, priority=priority)
            except LaneFull:
                self._waiting.appendleft((frame, priority))
                with contextlib.suppress(Unavailable):  # the connection has ended, and the frames are returned
                    await self._transport.drain(self.peer)
                continue
            except HyperverseError as exc:
                self._board.undelivered(frame, exc.message)
            else:
                self._tally.sent(len(frame))
            self._waiting_bytes -= len(frame)

    async def _dismiss(self, peer: Peer) -> None:
        self._connection = None
        self._board.forgotten(peer)
        await self._transport.disconnect(peer)

    def welcomed(self, hello: Hello) -> None:
        """Handles the other machine's answer to the hello of this machine."""
        if self._welcome is None or self._welcome.done():
            return
        if hello.machine != self.name:
            self._welcome.set_exception(
                ProtocolError(f"machine {hello.machine!r} answers at {self.address}, not {self.name!r}")
            )
        else:
            self._welcome.set_result(hello)

    def refused(self, said: Refused) -> None:
        """Handles a refusal by the other machine."""
        error = f"{said.error}; {said.hint}" if said.hint else said.error
        known = self._superseded or error == self._refusal  # this machine asks once per second
        level = logging.DEBUG if known else logging.ERROR
        _log.log(level, "machine %s refuses the lane: %s (%d)", self.name, error, said.status)
        self._refusal = error
        if self._welcome is not None and not self._welcome.done():
            self._welcome.set_exception(Unavailable(f"machine {self.name!r} refuses: {error}"))

    def broken(self, reason: str) -> None:
        """Reconnects after the connection was lost."""
        self._connection = None
        if self._superseded:
            self.peer = None
        if self._welcome is not None and not self._welcome.done():
            self._welcome.set_exception(Unavailable(f"the connection to {self.name!r} broke: {reason}"))
            return
        self.peer = None
        if self._superseded:
            return
        if self._retired:
            self._give_back(reason)
            self._pending.lane_lost(self.name, reason)
            return
        self._gone(reason)
        self.connect()

    def _gone(self, cause: str) -> None:
        was = self.down
        self.down, self.cause = True, cause
        self._give_back(cause)
        if not was:
            _log.warning("lane to machine %s is down: %s", self.name, cause)
            self._board.lane_is(self, False)
        else:
            self._board.still_down(self)

    def _give_back(self, cause: str) -> None:
        """Returns the frames that wait for the connection to their senders."""
        lost, self._waiting, self._waiting_bytes = self._waiting, deque(), 0
        for frame, _ in lost:
            self._board.undelivered(frame, cause)

    async def retire(self) -> None:
        """Ends the lane to a machine that has left the Hyperverse, after its last answers have had time to arrive. No
        wave is left waiting for an answer that cannot arrive."""
        self._retired = True
        cause = f"machine {self.name!r} has left"
        if self.peer is None:
            self._give_back(cause)
        await self._pending.last_answers(self.name, cause, _LAST_ANSWERS)
        self._give_back(cause)
        await self.close()

    def give_up(self) -> None:
        """Called when the machine has restarted elsewhere, so that nothing arrives on this lane any more. The lane must
        be closed afterwards."""
        cause = f"machine {self.name!r} has restarted"
        self._retired = True
        self._give_back(cause)
        self._pending.lane_lost(self.name, cause)

    async def close(self) -> None:
        """Closes the lane."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self.peer is not None:
            peer, self.peer = self.peer, None
            await self._dismiss(peer)
