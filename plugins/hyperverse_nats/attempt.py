"""ConnectAttempt: one attempt to connect, from the probe to the welcome."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable
from typing import Final

import attrs
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from hyperverse_core.errors import HyperverseError, Unauthorized, Unavailable
from hyperverse_core.transport import NotProven, SecretKey

from .address import Subjects
from .handshake import CookieProof, IkInitiator
from .introduction import COOKIE, HELLO, LET_IN, NOT_ALLOWED, PROBE, WELCOME, Introduction
from .link import NatsLink
from .pump import NatsPump
from .session import ID_BYTES, NatsSession

__all__ = ["NO_RESPONDERS", "ConnectAttempt"]

NO_RESPONDERS: Final = "503"
"""The status that the server sends when nobody listens at a subject."""
_GRACE: Final = 0.1
"""Seconds for which "nobody is here" is not believed yet: anybody could have sent it."""
_UNPROVEN_GRACE: Final = 1.0
"""Seconds for which a listener with another key is not believed to be the only one."""

_Agreed = tuple[bytes, bytes, bytes]
"""The payload of the listener, and the keys for what we send and what we receive."""


@attrs.define(eq=False)
class ConnectAttempt:
    """An attempt to connect. Anybody may send to its subject; what is not proven is ignored at once, and nothing of it
    is stored.

    Attributes:
        id: id of our end of the connection, in the subject for answers.
        address: the address to connect to, for errors.
    """

    session: NatsSession
    subjects: Subjects
    address: str
    name: str
    id: bytes = attrs.field(factory=lambda: secrets.token_bytes(ID_BYTES))
    _fresh: SecretKey = attrs.field(factory=SecretKey)
    _end: asyncio.Future[_Agreed] = attrs.field(factory=lambda: asyncio.get_running_loop().create_future())
    _hear: Callable[[bytes], None] = attrs.field(default=lambda message: None)
    _answered: bool = False
    _doubted: set[type[HyperverseError]] = attrs.field(factory=set)

    def take(self, message: bytes, status: str) -> None:
        """Takes a message to our subject. Anybody may have sent it."""
        if status == NO_RESPONDERS:
            hint = "is the machine running, is that its address, and do both machines use the same NATS servers?"
            said = f"nobody listens at {self.address!r} on the NATS server at {self.session.where}"
            self._later(_GRACE, Unavailable(said, hint=hint, retry_after=1.0))
        elif not self._end.done():
            self._hear(message)

    def _later(self, seconds: float, error: HyperverseError) -> None:
        if type(error) in self._doubted:
            return
        self._doubted.add(type(error))

        def believe() -> None:
            if not self._answered:
                self.fail(error)

        asyncio.get_running_loop().call_later(seconds, believe)

    def fail(self, error: HyperverseError) -> None:
        """Ends the attempt."""
        if not self._end.done():
            self._end.set_exception(error)

    def _say(self, message: bytes) -> None:
        self.session.put(self.subjects.listener(self.name), message, self._inbox)

    @property
    def _inbox(self) -> str:
        return self.subjects.inbox(self.session.id, self.id)

    async def probe(self) -> None:
        """Returns once somebody answers at the address, whatever its key. Raises Unavailable when nobody does."""

        def hear(message: bytes) -> None:
            if message[:1] == COOKIE:
                self._end.set_result((b"", b"", b""))

        self._hear = hear
        self._say(PROBE + self._fresh.public)
        await self._end

    async def prove(self, secret: bytes, listener: bytes) -> None:
        """Returns when somebody has proved to listen there who holds the key ``listener``. Raises what
        :meth:`connect` does."""
        await self._welcome(secret, listener, 0)

    async def connect(self, secret: bytes, listener: bytes, pump: NatsPump) -> NatsLink:
        """Connects.

        Args:
            secret: our key.
            listener: the public key that the other side must hold.
            pump: moves the messages of the link from then on.

        Raises:
            Unavailable: there is no listener at the address, or it accepts no more peers.
            Unauthorized: the endpoint does not allow our key, or the other side does not hold the expected key.
        """
        payload, seal, opens = await self._welcome(secret, listener, pump.window)
        return self._link(payload, seal, opens, pump)

    async def _welcome(self, secret: bytes, listener: bytes, window: int) -> _Agreed:
        """Returns the listener's payload once keys are proven, and the keys for what we send and what we receive."""
        try:
            proof = CookieProof(self._fresh, listener)
        except NotProven as exc:
            raise Unauthorized(f"the key of the listener at {self.address!r} is not a valid key: {exc}") from exc
        initiators: dict[bytes, IkInitiator] = {}  # by the cookie; a listener makes another one every ten seconds

        def hear(message: bytes) -> None:
            kind, said = message[:1], message[1:]
            try:
                if kind == COOKIE:
                    cookie = proof.cookie_in(said, self._inbox)
                    self._answered = True
                    if cookie not in initiators:
                        initiators[cookie] = self._hello(HELLO + cookie, secret, listener, window)
                elif kind == WELCOME:
                    self._end.set_result(_first_agreed(initiators.values(), said))
            except NotProven:  # anybody could have sent that
                self._later(_UNPROVEN_GRACE, self._other_key())

        self._hear = hear
        self._say(PROBE + self._fresh.public)
        return await self._end

    def _other_key(self) -> Unauthorized:
        hint = "check its public key; a machine with a new data directory has a new key"
        said = f"the listener at {self.address!r} did not prove that it holds the expected key"
        return Unauthorized(said, hint=hint, retry_after=1.0)

    def _hello(self, said: bytes, secret: bytes, listener: bytes, window: int) -> IkInitiator:
        beats = self.session.beats
        ours = Introduction(self.session.id, self.id, beats.key, beats.number, window)
        initiator = IkInitiator(said + self.name.encode(), secret, listener)
        self._say(said + initiator.hello(ours.pack()))
        return initiator

    def _link(self, payload: bytes, seal: bytes, opens: bytes, pump: NatsPump) -> NatsLink:
        verdict, said = payload[0], payload[1:]
        if verdict == NOT_ALLOWED:
            hint = "ask its operator to allow this key"
            raise Unauthorized(f"the endpoint at {self.address!r} does not allow our key", hint=hint)
        if verdict != LET_IN:
            reason = said.decode(errors="replace")
            raise Unavailable(f"{self.address!r} refuses the connection: {reason}", retry_after=1.0)
        try:
            theirs = Introduction.unpack(said)
            watched = self.session.watch(theirs.session, theirs.key, theirs.beat)
        except ValueError as exc:
            raise Unavailable(f"{self.address!r} does not speak the lane protocol: {exc}") from exc
        now = asyncio.get_running_loop().time()
        out = self.subjects.inbox(theirs.session, theirs.link)
        link = NatsLink(self.id, out, watched, now, now, ChaCha20Poly1305(seal), ChaCha20Poly1305(opens))
        link.theirs = theirs.window
        pump.add(link)
        return link


def _first_agreed(initiators: Iterable[IkInitiator], welcome: bytes) -> _Agreed:
    """Returns what the answer agrees on with one of our messages. Raises NotProven when it answers none of them."""
    for initiator in initiators:
        with contextlib.suppress(NotProven):
            return initiator.welcome(welcome)
    raise NotProven("an answer was made up")
