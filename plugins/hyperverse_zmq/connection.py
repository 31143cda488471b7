"""ZmqConnection: a DEALER socket connected to one endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import zmq

from hyperverse_core.errors import BadRequest, HyperverseError, Unauthorized, Unavailable
from hyperverse_core.transport import LaneReceiver, Peer, PeerChannel, PeerTable, messages

from .monitor import HANDSHAKE_FAILED, Monitor
from .pump import ZmqPump
from .settings import ZmqSettings
from .sockets import Context, Socket

__all__ = ["ZmqConnection"]

_log = logging.getLogger("hyperverse.lane.zmq")
_NOBLOCK = int(zmq.NOBLOCK)
_SETTLE_SECONDS = 0.02  # in which ZeroMQ delivers what arrived before the loss
_GOODBYE_MS = 100  # given to the answer to a BYE to leave


class ZmqConnection(ZmqPump):
    """One connection that we made, from its handshake to its end. ZeroMQ does not restore it: its reconnecting is
    off."""

    def __init__(
        self,
        context: Context,
        socket: Socket,
        address: str,
        peer: Peer,
        receiver: LaneReceiver,
        settings: ZmqSettings,
        peers: PeerTable,
    ) -> None:
        self._address = address
        self._channel = settings.new_channel(peer, receiver)
        self._held: list[bytes] | None = []  # messages that arrive before the caller of connect() has its peer
        self.closed = False
        self._monitor = Monitor(context, socket, self._told)  # first: when it fails, nothing reads the socket yet
        super().__init__(socket, settings, peers)
        self._welcome: asyncio.Future[None] = self._loop.create_future()

    def channels(self) -> list[PeerChannel]:
        return [] if self._channel.gone else [self._channel]

    async def greet(self, timeout: float) -> Peer:
        """Connects, and returns once the other side has sent its WELCOME. Raises the errors of
        :meth:`LaneTransport.connect`."""
        try:
            self._edge.socket.connect(self._address)
            # When the connection has already failed, ZeroMQ takes nothing, and the monitor reports why.
            with contextlib.suppress(zmq.Again):
                self._put(b"", messages.HELLO_MESSAGE)
            self._edge.look()
            async with asyncio.timeout(timeout):
                await self._welcome
        except TimeoutError:
            self._give_up()
            raise Unavailable(
                f"no answer from {self._address!r} within {timeout:g} s",
                hint="is that the address of a machine, and is it running?",
                retry_after=1.0,
            ) from None
        except zmq.ZMQError as exc:
            self._give_up()
            raise BadRequest(f"cannot connect to {self._address!r}: {exc.strerror}") from exc
        except BaseException:
            self._give_up()
            raise
        return self._channel.peer

    def _put(self, route: bytes, message: bytes) -> None:
        self._edge.socket.send(message, _NOBLOCK)

    def _receive(self) -> None:
        message = self._edge.socket.recv(_NOBLOCK)
        if not self._welcome.done():
            self._read_welcome(message)
        elif self._held is not None:
            self._held.append(message)
        else:
            self.handle(self._channel, message)

    def _read_welcome(self, message: bytes) -> None:
        if message == messages.WELCOME_MESSAGE:
            self._peers[self._channel.peer] = (self, self._channel)
            self._welcome.set_result(None)
            self._loop.call_soon(self._release)
        elif message[:1] == bytes([messages.BYE]):
            reason = messages.goodbye_reason(message)
            self._fail(Unavailable(f"{self._address!r} refuses the connection: {reason}"))
        else:
            self._fail(Unavailable(f"{self._address!r} does not speak the lane protocol"))

    def _release(self) -> None:
        """Hands out the held messages. The caller of connect() runs first, so it knows its peer when the first frames
        arrive."""
        held, self._held = self._held or [], None
        for message in held:
            if not self._channel.gone:
                self.handle(self._channel, message)

    def _told(self, event: int, value: int) -> None:
        if self._welcome.done():
            if event == zmq.EVENT_DISCONNECTED:
                self._loop.call_later(_SETTLE_SECONDS, self._lost)
        elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            hint = "ask its operator to allow this key"
            self._fail(Unauthorized(f"the endpoint at {self._address!r} does not allow our key", hint=hint))
        elif event & HANDSHAKE_FAILED:
            hint = "check its public key; a machine with a new data directory has a new key"
            said = f"the listener at {self._address!r} did not prove that it holds the expected key"
            # ZeroMQ reports the same when a listener that is full or stopping closes in the middle of the handshake.
            self._fail(Unauthorized(said, hint=hint, retry_after=1.0))
        elif event == zmq.EVENT_CLOSED:
            hint = "is the machine running, and is that its address?"
            self._fail(Unavailable(f"nobody listens at {self._address!r}", hint=hint, retry_after=1.0))
        else:
            self._fail(Unavailable(f"{self._address!r} closed the connection", retry_after=1.0))

    def _fail(self, error: HyperverseError) -> None:
        if not self._welcome.done():
            self._welcome.set_exception(error)

    def _lost(self) -> None:
        self._edge.read_all()
        self.end(self._channel, "the connection is lost")

    def _forget(self, channel: PeerChannel, *, heard_bye: bool) -> None:
        self._close(_GOODBYE_MS if heard_bye else 0)

    def _close(self, linger_ms: int) -> None:
        if self.closed:
            return
        self.closed = True
        self._monitor.close()
        self._edge.close(linger_ms)

    def _give_up(self) -> None:
        self._welcome.cancel()
        self.abort()

    def abort(self) -> None:
        self._fail(Unavailable("the transport was closed"))
        super().abort()
        self._close(0)
