"""NatsListener: an open endpoint. It accepts peers that prove an allowed key, and keeps no state for anybody else."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable
from typing import Final

import attrs
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from hyperverse_core.transport import (
    KEY_BYTES,
    Endpoint,
    LaneReceiver,
    NotProven,
    Peer,
    RefusalLog,
    SecretKey,
    guarded_call,
)

from .address import Subjects
from .handshake import KEYS, CookieProof, IkResponder
from .introduction import (
    COOKIE,
    FULL,
    HELLO,
    LET_IN,
    NOT_ALLOWED,
    PROBE,
    WELCOME,
    Introduction,
)
from .link import NatsLink
from .pump import NatsPump
from .session import ID_BYTES, NatsSession
from .settings import NatsSettings

__all__ = ["COOKIE_BYTES", "Cookies", "NatsListener"]

_log = logging.getLogger("hyperverse.lane.nats")
_SLOT_SECONDS: Final = 10.0
_SLOT_BYTES: Final = 8
COOKIE_BYTES: Final = 24
_MAC_BYTES: Final = COOKIE_BYTES - _SLOT_BYTES


class Cookies:
    """Cookies. A cookie shows that a peer receives what is sent to a subject, and that this was recent. We store no
    cookies; a handshake made with one counts once."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._loop = asyncio.get_running_loop()
        self._used: dict[int, set[bytes]] = {}

    def make(self, subject: str) -> bytes:
        """Returns a cookie for a peer that receives at that subject."""
        return self._of(subject, self._slot())

    def holds(self, cookie: bytes, subject: str) -> bool:
        """Whether the cookie is one of ours, for that subject, and recent enough."""
        slot = int.from_bytes(cookie[:_SLOT_BYTES], "little")
        return self._slot() - 1 <= slot <= self._slot() and hmac.compare_digest(cookie, self._of(subject, slot))

    def use(self, cookie: bytes, once: bytes) -> bool:
        """Records what came with a cookie. Returns whether this is the first time."""
        slot, now = int.from_bytes(cookie[:_SLOT_BYTES], "little"), self._slot()
        for old in [old for old in self._used if old < now - 1]:
            del self._used[old]
        used = self._used.setdefault(slot, set())
        if once in used:
            return False
        used.add(once)
        return True

    def _slot(self) -> int:
        return int(self._loop.time() / _SLOT_SECONDS)

    def _of(self, subject: str, slot: int) -> bytes:
        said = slot.to_bytes(_SLOT_BYTES, "little")
        return said + hmac.digest(self._secret, said + subject.encode(), "sha256")[:_MAC_BYTES]


@attrs.define(eq=False)
class NatsListener:
    """An open endpoint.

    Attributes:
        name: the name in its address.
        endpoint: the endpoint that the listener serves.
        secret: secret part of its key.
        receiver: notified of new peers, and gets their messages.
        guests: connections through this endpoint, with their keys; includes those that are not confirmed yet.
        full: whether the endpoint accepts no more peers.
    """

    name: str
    endpoint: Endpoint
    secret: bytes
    receiver: LaneReceiver
    settings: NatsSettings
    subjects: Subjects
    pump: NatsPump
    cookies: Cookies
    name_peer: Callable[[str], str]
    guests: dict[NatsLink, str] = attrs.field(factory=dict)
    full: bool = False
    _key: SecretKey = attrs.field(
        init=False, default=attrs.Factory(lambda self: SecretKey(self.secret), takes_self=True)
    )
    _refusals: RefusalLog = attrs.field(
        init=False, default=attrs.Factory(lambda self: RefusalLog(_log, self.endpoint.name), takes_self=True)
    )

    def take(self, session: NatsSession, message: bytes, reply: str) -> None:
        """Handles a peer that wants to connect."""
        kind = message[:1]
        if not reply.startswith(f"{self.subjects.prefix}.in."):
            self._refusals.note("its message has no reply subject, or one that is not its own")
        elif kind == PROBE and len(message) == 1 + KEY_BYTES:
            self._give_cookie(session, message[1:], reply)
        elif kind == HELLO:
            self._hello(session, message, reply)
        else:
            self._refusals.note("its message does not belong to this protocol")

    def _give_cookie(self, session: NatsSession, fresh: bytes, reply: str) -> None:
        try:
            proof = CookieProof(self._key, fresh)
        except NotProven as exc:
            self._refusals.note(str(exc))
            return
        session.put(reply, COOKIE + proof.add_to(self.cookies.make(reply), reply))

    def _hello(self, session: NatsSession, message: bytes, reply: str) -> None:
        said, rest = message[: 1 + COOKIE_BYTES], message[1 + COOKIE_BYTES :]
        cookie = said[1:]
        if not self.cookies.holds(cookie, reply):
            self._refusals.note("its cookie is too old, or not for its subject")
            return
        responder = IkResponder(said + self.name.encode(), self.secret)
        try:
            key, payload = responder.hello(rest)
            theirs = Introduction.unpack(payload)
        except (NotProven, ValueError) as exc:
            self._refusals.note(str(exc))
            return
        if reply != self.subjects.inbox(theirs.session, theirs.link):
            self._refusals.note("it gives somebody else's subject for the answer")
            return
        verdict, reason = self._judge(KEYS.text_of(key))
        if verdict == LET_IN and not self.cookies.use(cookie, responder.fresh):
            self._refusals.note("it replays somebody else's message")
            return
        if verdict != LET_IN:
            answer, _, _ = responder.welcome(bytes([verdict]) + reason.encode())
            session.put(reply, WELCOME + answer)
            return
        self._let_in(session, responder, KEYS.text_of(key), theirs, reply)

    def _judge(self, key: str) -> tuple[int, str]:
        endpoint = self.endpoint
        if endpoint.allow is not None and key not in endpoint.allow:
            self._refusals.note(f"the key {key!r} is not allowed")
            return NOT_ALLOWED, ""
        if self.full or len(self.guests) >= self.settings.limits.max_peers:
            return FULL, "it has reached its limit of peers (max_peers)"
        return LET_IN, ""

    def _let_in(self, session: NatsSession, responder: IkResponder, key: str, theirs: Introduction, reply: str) -> None:
        try:
            watched = session.watch(theirs.session, theirs.key, theirs.beat)
        except ValueError:
            self._refusals.note("its key for signs of life is not valid")
            return
        own = secrets.token_bytes(ID_BYTES)
        ours = Introduction(session.id, own, session.beats.key, session.beats.number, self.pump.window)
        answer, seal, opens = responder.welcome(bytes([LET_IN]) + ours.pack())
        now = asyncio.get_running_loop().time()
        link = NatsLink(own, reply, watched, now, now, ChaCha20Poly1305(seal), ChaCha20Poly1305(opens))
        link.theirs, link.listener = theirs.window, self
        self.guests[link] = key
        self.pump.add(link)
        session.put(reply, WELCOME + answer)

    def confirmed(self, session: NatsSession, link: NatsLink) -> None:
        """The other side has sent its first message with the new keys: only now is it certain that it is alive."""
        peer = Peer(self.name_peer(self.endpoint.name), self.guests[link], self.endpoint.name)
        channel = self.settings.new_channel(peer, self.receiver, link, session.max_payload)
        self.pump.begin(link, channel.bounded(self.endpoint.unanswered), link.theirs)
        guarded_call(_log, self.receiver.lane_up, peer)
