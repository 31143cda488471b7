"""One client's connection on the machine's side, from its first frame to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from .._version import __version__
from ..contracts.gateway import GatewayHost, Replays, Session
from ..contracts.lane import Peer
from ..contracts.policy import Credentials
from ..errors import (
    Conflict,
    HyperverseError,
    InternalError,
    LaneFull,
    ProtocolError,
    TimedOut,
    TooMany,
    Unauthorized,
    Unavailable,
)
from ..protocol.codec import decode, encode_ping, encode_signal
from ..protocol.frame_bytes import encode_frame
from ..protocol.frames import (
    ClientPingFrame,
    ClientRippleFrame,
    ClientSignalFrame,
    HelloFrame,
    RefusalFrame,
    WelcomeFrame,
)
from ..protocol.unread_body import without_body
from ..protocol.versions import WITH_CLIENTS, Party, ProtocolRange, Transmit, agreed_number, reader_of, sender_of
from ..scheduling.cancellation import ends_task
from ..scheduling.guarded_log import guarded_log
from ..universe.address.layer import Layer
from ..universe.address.point import Point
from ..universe.address.surface import Surface
from ..universe.waves.wave import Directed, Outcome, Pong, Signal
from .backpressure import Backpressure
from .cli_sessions import CliSessions
from .particle import ControlParticle
from .waves import ClientWaves

__all__ = ["ClientSession"]

_log = guarded_log("hyperverse.control")
_HELLO_SECONDS = 5.0
_DRAIN_SECONDS = 5.0
_MOST_HELD = 32 * 1024 * 1024
"""Bytes of replies that may wait for one client, in addition to those in the transport's own queue."""


class SessionGate(Protocol):
    """The part of the gate that a client's connection uses."""

    host: GatewayHost
    protocols: ProtocolRange
    replay_cache: Replays

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine that soon ends by itself."""

    def dismiss(self, session: Any, reason: str) -> None:
        """Closes a client's connection."""

    def one_ended(self) -> None:
        """Notes that a wave of a client has ended."""

    def let_in(self, session: Any) -> None:
        """Notes that a client was admitted."""

    def note_refusal(self, level: int, client: str, error: HyperverseError) -> None:
        """Logs why a client is refused."""


class ClientSession:
    """The state of one client.

    Attributes:
        peer: its connection.
        session: sends its waves; None before it is admitted.
        room: tells whether it accepts its replies.
        waves: the waves that it has sent; None before it is admitted.
        over: whether it is gone, so that nothing more is sent to it.
    """

    def __init__(self, gate: SessionGate, peer: Peer) -> None:
        self.gate = gate
        self.host = gate.host
        self.transport = gate.host.transport
        self.transmit: Transmit = self.transport.send
        self._read: Callable[[bytes], bytes] | None = None
        self._largest_body = gate.host.limits.body
        self.loop = asyncio.get_running_loop()
        self.peer = peer
        self.session: Session | None = None
        self.waves: ClientWaves | None = None
        self.over = False
        self.room = Backpressure()
        self._held = 0
        self._relayed: dict[str, asyncio.Future[Pong]] = {}
        self._said_hello = False
        self._hello_timer = self.loop.call_later(_HELLO_SECONDS, self._hello_is_late)

    @property
    def name(self) -> str:
        """Name for the log."""
        return self.peer.name if self.session is None else self.session.point.text

    # -- admission ----------------------------------------------------------------------------------------

    def take(self, frames: Sequence[bytes]) -> None:
        """Handles frames that have arrived."""
        for frame in frames:
            if self.over:
                return
            try:
                read, unread = frame if self._read is None else self._read(frame), 0
                if len(read) > self._largest_body:
                    read, unread = without_body(read, self._largest_body)
                message = decode(read, self.loop.time(), weighed_later=True)
                if self.waves is None:
                    self._first(message)
                elif isinstance(message, ClientPingFrame | ClientSignalFrame | ClientRippleFrame):
                    self.waves.take(message, read, unread)
                elif type(message) is Pong:
                    self._answered(message)
                else:
                    raise ProtocolError(f"a client does not send a {type(message).__name__}")
            except ProtocolError as exc:
                self.refuse(exc)

    def _first(self, message: object) -> None:
        if not isinstance(message, HelloFrame) or self._said_hello:
            raise ProtocolError("a client sends only its hello before it is welcomed")
        self._said_hello = True
        self.gate.spawn(self._let_in(message))

    def _hello_is_late(self) -> None:
        self.refuse(TimedOut(f"not admitted within {_HELLO_SECONDS:g} s"))

    async def _let_in(self, hello: HelloFrame) -> None:
        try:
            number = self._agreed(hello)
            key = self.peer.key if self.transport.proves_peers else ""
            shown = Credentials(token=hello.token, peer_key=key, address=self.peer.address)
            session = await self.host.sessions.open(shown, particle=self._particle, ended=self._ended)
            if self.over:
                session.end("it has gone before it was admitted")
            else:
                self._welcome(session, number)
        except HyperverseError as exc:
            self.refuse(exc)
        except BaseException as exc:
            if ends_task(exc):
                raise
            _log.exception("client %s could not be admitted", self.peer.name)
            self.refuse(InternalError(f"the machine could not admit the client: {type(exc).__name__}"))

    def _agreed(self, hello: HelloFrame) -> int:
        """Returns the protocol number that both sides use. Raises ProtocolError."""
        ours = Party(f"machine {self.host.machine!r}", __version__, self.gate.protocols)
        theirs = ProtocolRange.announced(hello.protocol, hello.understands)
        return agreed_number(ours, Party("the client", hello.version, theirs))

    def _particle(self, point: Point) -> ControlParticle:
        """Makes the particle that represents the client."""
        return ControlParticle(self.relay, CliSessions(point, self.host.chance))

    def _ended(self, reason: str) -> None:
        """Called when the machine ends the session, because its token was revoked or the machine stops."""
        self.refuse(Unauthorized(f"the session has ended: {reason}"))

    def _welcome(self, session: Session, number: int) -> None:
        self._hello_timer.cancel()
        self.gate.let_in(self)
        self.session = session
        self.waves = ClientWaves(self, session)
        limits = self.host.limits
        welcome = WelcomeFrame(
            number,
            str(Surface(session.point, Layer.CORE)),
            session.agent.text,
            self.host.machine,
            session.star,
            __version__,
            limits.waves,
            limits.body,
            self.host.life,
        )
        self.send_or_dismiss(encode_frame(welcome))
        self.transmit = sender_of(self.transport.send, number, WITH_CLIENTS)
        self._read = reader_of(number, WITH_CLIENTS)

    # -- leaving --------------------------------------------------------------------------------------------

    def refuse(self, error: HyperverseError) -> None:
        """Sends the client the error and closes the connection."""
        if self.over:
            return
        level = logging.INFO if isinstance(error, Unavailable) else logging.WARNING
        self.gate.note_refusal(level, self.name, error)
        try:
            frame = encode_frame(RefusalFrame(error.status, error.message, error.hint))
            self.transmit(self.peer, frame)
        except Unavailable:
            pass  # then the client only sees that the connection closes
        self.gate.dismiss(self, error.message)

    def end(self, reason: str) -> None:
        """Frees everything that belongs to a client that is gone or is disconnected. May be called twice."""
        if self.over:
            return
        self.over = True
        self._hello_timer.cancel()
        if self.waves is not None:
            self.waves.cut()
        if self.session is not None:
            self.session.end(reason)
        for future in self._relayed.values():
            if not future.done():
                gone = {"error": f"the client {self.name!r} has gone"}
                future.set_result(Pong(503, gone, outcome=Outcome.UNKNOWN))

    # -- to the client ------------------------------------------------------------------------------------

    def send_or_dismiss(self, frame: bytes) -> None:
        """Sends immediately. Disconnects a client that does not read the replies to its own frames."""
        try:
            self.transmit(self.peer, frame)
        except LaneFull:
            self._sent_away()
        except Unavailable:
            pass  # the client is gone, and its connection is about to be reported lost

    async def send(self, frame: bytes, otherwise: bytes = b"", *, priority: int = 3) -> None:
        """Sends, and waits a while for a client that does not keep up; if it still does not, disconnects it.

        Args:
            otherwise: sent instead if too much is already queued; if empty, the client is disconnected immediately.
            priority: the priority of the answered wave.
        """
        if self.over:
            return
        try:
            self.transmit(self.peer, frame, priority=priority)
            return
        except LaneFull:
            pass  # waiting inside this handler would keep the error and all that its traceback refers to
        except Unavailable:
            return
        if self._held + len(frame) > _MOST_HELD:
            frame = otherwise
        if frame:
            await self._send_slowly(frame, priority)
        else:
            self._sent_away()

    async def _send_slowly(self, frame: bytes, priority: int) -> None:
        self.room.stuck()
        self._held += len(frame)
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self.over:
                    await self.transport.drain(self.peer)
                    try:
                        self.transmit(self.peer, frame, priority=priority)
                        return
                    except LaneFull:
                        continue  # other waiting waves were faster
        except TimeoutError:
            self._sent_away()
        except Unavailable:
            pass
        finally:
            self._held -= len(frame)
            self.room.unstuck()

    def _sent_away(self) -> None:
        if self.over:
            return
        _log.warning("client %s does not accept its replies and is disconnected", self.name)
        self.gate.dismiss(self, "it does not accept its replies")

    async def relay(self, wave: Directed) -> Pong | None:
        """Sends a wave to the client and returns its reply, None for a Signal."""
        if self.over:
            raise Unavailable(f"the client {self.name!r} has gone")
        now = self.loop.time()
        if isinstance(wave, Signal):
            self.transmit(self.peer, encode_signal(wave, now), priority=wave.handling.priority)
            return None
        if len(self._relayed) >= self.host.limits.waves:
            raise TooMany(f"{len(self._relayed)} waves wait for the client {self.name!r}", retry_after=0.1)
        if wave.id in self._relayed:
            raise Conflict(f"a wave with id {wave.id!r} already waits for the client {self.name!r}")
        self.transmit(self.peer, encode_ping(wave, now), priority=wave.handling.priority)
        future: asyncio.Future[Pong] = self.loop.create_future()
        self._relayed[wave.id] = future
        try:
            return await future
        finally:
            del self._relayed[wave.id]

    def _answered(self, said: Pong) -> None:
        future = self._relayed.get(said.id)
        if future is None or future.done():
            return  # nobody waits for this reply any more
        if not 100 <= said.status < 600:
            raise ProtocolError(f"a reply has status {said.status}")
        outcome = said.outcome
        if (outcome is Outcome.OK) != said.ok:
            outcome = Outcome.OK if said.ok else Outcome.FAILED
        future.set_result(Pong(said.status, said.body, outcome=outcome, headers=said.headers))
