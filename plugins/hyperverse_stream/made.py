"""MadeLink: a connection that we made."""

from __future__ import annotations

import asyncio

from hyperverse_core.errors import HyperverseError, Unauthorized, Unavailable
from hyperverse_core.transport import Cipher, LaneReceiver, NotProven, Peer, messages

from . import greeting
from .link import StreamLink
from .noise import Initiator
from .pump import StreamPump
from .settings import StreamSettings

__all__ = ["MadeLink"]


class MadeLink(StreamLink):
    """The connecting side of a connection.

    Args:
        pump: moves its messages.
        initiator: our side of the handshake.
        peer: identity of the other side, once it has proved its key.
        receiver: gets its frames.
        settings: the limits.
        address: the address it connects to, for errors.
        encrypted: see :class:`StreamLink`.

    Attributes:
        welcome: done when both keys are proven and the other side accepts us.
    """

    def __init__(
        self,
        pump: StreamPump,
        initiator: Initiator,
        peer: Peer,
        receiver: LaneReceiver,
        settings: StreamSettings,
        address: str,
        *,
        encrypted: bool,
    ) -> None:
        super().__init__(pump, encrypted=encrypted)
        self.welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._initiator = initiator
        self._peer = peer
        self._receiver = receiver
        self._settings = settings
        self._address = address
        self._expect = self._second
        self._ciphers: tuple[Cipher, Cipher] | None = None
        self._held: list[bytes] = []  # until the caller of connect() knows its peer

    def _begin(self) -> None:
        if not self.process.is_ours():
            hint = "choose a directory that only you can enter"
            self._fail(Unauthorized(f"another user of this computer listens at {self._address!r}", hint=hint))
            return
        self.put(self._initiator.first())

    def _second(self, message: bytes) -> None:
        if message == greeting.WRONG_KEY:
            raise NotProven("it has another key")
        self._initiator.second(message)
        third, seal, opens = self._initiator.third(messages.HELLO_MESSAGE)
        self._ciphers = seal, opens
        self.put(third)
        self._expect = self._verdict

    def _verdict(self, message: bytes) -> None:
        assert self._ciphers is not None, "agreed on in the previous message"
        seal, opens = self._ciphers
        verdict = opens.open(message)
        if verdict != greeting.WELCOME:
            wrong_key, reason = greeting.reason_of(verdict)
            if wrong_key:
                hint = "ask its operator to allow this key"
                self._fail(Unauthorized(f"the endpoint at {self._address!r} does not allow our key", hint=hint))
            else:
                self._fail(Unavailable(f"{self._address!r} refuses the connection: {reason}", retry_after=1.0))
            return
        self.proven(seal, opens)
        self.channel = self._settings.new_channel(self._peer, self._receiver, self)
        self.take = self._held.append
        self._pump.add(self.channel)
        if not self.welcome.done():
            self.welcome.set_result(None)
        asyncio.get_running_loop().call_soon(self._release)

    def _release(self) -> None:
        """Hands out the held messages. The caller of connect() runs first, so it knows its peer when the first frames
        arrive."""
        if self.channel is None or self.closed:
            return
        self.carry(self.channel)
        for message in self._held:
            if not self.channel.gone:
                self.take(message)
        self._held.clear()
        self._pump.rested()

    def fault(self, what: str) -> None:
        if self.channel is not None:
            super().fault(what)
            return
        hint = "check its public key; a machine with a new data directory has a new key"
        said = f"the listener at {self._address!r} did not prove that it holds the expected key: {what}"
        self._fail(Unauthorized(said, hint=hint, retry_after=1.0))

    def _lost(self) -> None:
        self._fail(Unavailable(f"{self._address!r} closed the connection", retry_after=1.0))

    def _fail(self, error: HyperverseError) -> None:
        if not self.welcome.done():
            self.welcome.set_exception(error)
        self.close()

    def abort(self) -> None:
        if not self.welcome.done():
            self.welcome.set_exception(Unavailable("the transport was closed"))
        super().abort()
