"""ConnectAttempt: one attempt to connect, from the probe to the welcome."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Final

import attrs
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from hyperverse_core.errors import HyperverseError, Unauthorized, Unavailable
from hyperverse_core.transport import NotProven

from .address import Subjects
from .handshake import IkInitiator
from .introduction import COOKIE, HELLO, LET_IN, NOT_ALLOWED, PROBE, REFUSED, WELCOME, Introduction
from .link import NatsLink
from .listener import COOKIE_BYTES
from .pump import NatsPump
from .session import ID_BYTES, NatsSession

__all__ = ["NO_RESPONDERS", "ConnectAttempt"]

NO_RESPONDERS: Final = "503"
"""The status that the server sends when nobody listens at a subject."""
_GRACE: Final = 0.1
"""Seconds for which "nobody is here" is not believed yet: anybody could have sent it."""
_REFUSED_GRACE: Final = 1.0
"""The same for "your message cannot be read"."""
_TRIES: Final = 16
"""Number of cookies that are tried: strangers may send some too."""


@attrs.define(eq=False)
class ConnectAttempt:
    """An attempt to connect.

    Attributes:
        id: id of our end of the connection, in the subject for answers.
        address: the address to connect to, for errors.
    """

    session: NatsSession
    subjects: Subjects
    address: str
    name: str
    id: bytes = attrs.field(factory=lambda: secrets.token_bytes(ID_BYTES))
    _answers: asyncio.Queue[bytes | HyperverseError] = attrs.field(factory=lambda: asyncio.Queue(64))
    _answered: bool = False

    def take(self, message: bytes, status: str) -> None:
        """Takes a message to our subject. Anybody may have sent it."""
        if status == NO_RESPONDERS:
            hint = "is the machine running, is that its address, and do both machines use the same NATS servers?"
            said = f"nobody listens at {self.address!r} on the NATS server at {self.session.where}"
            self._later(_GRACE, Unavailable(said, hint=hint, retry_after=1.0))
        elif message == REFUSED:
            hint = "check its public key; a machine with a new data directory has a new key"
            said = f"the listener at {self.address!r} did not prove that it holds the expected key"
            self._later(_REFUSED_GRACE, Unauthorized(said, hint=hint, retry_after=1.0))
        else:
            self._answered = self._answered or message[:1] == COOKIE
            self._answer(message)

    def _later(self, seconds: float, error: HyperverseError) -> None:
        def believe() -> None:
            # The server does not report a missing listener when one answers.
            if isinstance(error, Unauthorized) or not self._answered:
                self._answer(error)

        asyncio.get_running_loop().call_later(seconds, believe)

    def _answer(self, answer: bytes | HyperverseError) -> None:
        if not self._answers.full():  # strangers may send as much as they like
            self._answers.put_nowait(answer)

    def fail(self, error: HyperverseError) -> None:
        """Ends the attempt."""
        while self._answers.full():
            self._answers.get_nowait()
        self._answers.put_nowait(error)

    async def _next(self) -> bytes:
        answer = await self._answers.get()
        if isinstance(answer, HyperverseError):
            raise answer
        return answer

    def _say(self, message: bytes) -> None:
        self.session.put(self.subjects.listener(self.name), message, self.subjects.inbox(self.session.id, self.id))

    async def probe(self) -> None:
        """Returns once a listener answers at the address. Raises Unavailable when there is none."""
        self._say(PROBE)
        while (await self._next())[:1] != COOKIE:
            pass

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

    async def _welcome(self, secret: bytes, listener: bytes, window: int) -> tuple[bytes, bytes, bytes]:
        """Returns the listener's payload once keys are proven, and the keys for what we send and what we receive."""
        self._say(PROBE)
        initiators: dict[bytes, IkInitiator] = {}  # by the cookie, of which some may be made up
        while True:
            message = await self._next()
            kind, rest = message[:1], message[1:]
            if kind == COOKIE and len(rest) == COOKIE_BYTES and rest not in initiators and len(initiators) < _TRIES:
                initiators[rest] = self._hello(HELLO + rest, secret, listener, window)
            elif kind == WELCOME:
                for initiator in initiators.values():
                    with contextlib.suppress(NotProven):  # anybody could have sent that
                        return initiator.welcome(rest)

    def _hello(self, said: bytes, secret: bytes, listener: bytes, window: int) -> IkInitiator:
        beats = self.session.beats
        ours = Introduction(self.session.id, self.id, beats.key, beats.number, window)
        initiator = IkInitiator(said + self.name.encode(), secret, listener)
        try:
            self._say(said + initiator.hello(ours.pack()))
        except NotProven as exc:
            raise Unauthorized(f"the key of the listener at {self.address!r} is not a valid key: {exc}") from exc
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
