"""The cache of replies to Pings that may be repeated: a repeat gets the answer of the first attempt."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections import OrderedDict

import attrs

from ...contracts.gateway import Replays
from ...errors import Conflict, HyperverseError, TooMany, Unavailable
from ...protocol.frame_bytes import encoded_body
from ...protocol.repeats import HARMLESS
from ...universe.waves.wave import Outcome, Ping, Pong

__all__ = ["ReplayCache"]

_LONGEST = 86_400.0
"""Greatest number of seconds for which a key is kept. No client waits longer, and keys cannot be kept forever."""
_AGAIN = 0.5
_UNDER_WAY = 10.0
"""Seconds after the deadline of a wave within which a repeat that was sent earlier may still arrive."""


@attrs.frozen(eq=False)
class _Asked:
    """The sender and the content of the first wave of a key: a repeat must have the same."""

    agent: str
    about: bytes


@attrs.define(eq=False)
class _Open:
    future: asyncio.Future[Pong]
    until: float
    asked: _Asked


@attrs.define(eq=False)
class _Settled:
    future: asyncio.Future[Pong]
    given_up: float
    until: float
    size: int
    asked: _Asked


class ReplayCache(Replays):
    """Remembers replies by key for a while. A key whose wave is still in progress is never dropped.

    A repeat with different content (another recipient, method, path, header or body) is answered with 409. One agent
    may hold at most as many keys as remain free: half of the room if it is alone, and less the more other agents hold.
    So an agent that holds none always finds room, even if many others take as much as they can.

    A reply may be dropped while its wave may still be repeated. Its key then stays, so that a repeat is answered that
    the reply is no longer known, and is not handled a second time.

    Args:
        keep: seconds for which a reply is remembered after it was given.
        limit: greatest number of replies; the oldest are dropped first.
        max_bytes: greatest number of bytes in replies, as far as :meth:`settle` gets their size.
        most: greatest number of keys, with or without a reply; further ones are refused. A key takes about 350 bytes.
    """

    def __init__(
        self,
        keep: float = 60.0,
        limit: int = 50_000,
        max_bytes: int = 64 * 1024 * 1024,
        most: int = 500_000,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._keep = keep
        self._limit = limit
        self._max_bytes = max_bytes
        self._most = most
        self._held: dict[str, int] = {}
        self._bytes = 0
        self._open: dict[str, _Open] = {}
        self._settled: OrderedDict[str, _Settled] = OrderedDict()
        self._ran: dict[str, _Asked] = {}
        self._ends: list[tuple[float, str]] = []  # the times when the keys in _ran end, as a heap

    def first(self, key: str, wave: Ping) -> asyncio.Future[Pong] | None:
        """Returns None for the first wave of its key: the caller handles it and then calls :meth:`settle`. Otherwise
        returns a future of the answer. It is the first one's reply, and is cancelled if the first did not reach a
        handler; or an error: the reply was dropped, the first was another wave, or there is no room for another key."""
        self._forget_old()
        asked, known = _Asked(wave.agent.text, _about(wave)), self._settled.get(key) or self._open.get(key)
        before = self._ran.get(key) if known is None else known.asked
        if before is not None and (before.agent, before.about) != (asked.agent, asked.about):
            another = Conflict(f"the id {wave.id!r} belongs to another wave", hint="use each id once")
            return self._answer(wave, another, Outcome.REJECTED)
        if known is not None:
            return known.future
        if before is not None:
            gone = Unavailable("the wave has run here, but its answer is no longer kept")
            return self._answer(wave, gone, Outcome.UNKNOWN)
        if len(self) >= self._most:
            # An old key may be dropped only once nobody repeats its wave any more.
            full = Unavailable(f"{self._most} waves that may be repeated are remembered here", retry_after=_AGAIN)
            return self._answer(wave, full, Outcome.REJECTED)
        held = self._held.get(asked.agent, 0)
        if held >= self._most - len(self):
            many = TooMany(
                f"{held} waves of {asked.agent!r} that may be repeated are remembered here", retry_after=_AGAIN
            )
            return self._answer(wave, many, Outcome.REJECTED)
        self._held[asked.agent] = held + 1
        # A wave that may safely run twice need not be remembered longer than its reply.
        patience = min(wave.deadline, self._loop.time() + _LONGEST)
        until = 0.0 if wave.method.text in HARMLESS else patience + _UNDER_WAY
        self._open[key] = _Open(self._loop.create_future(), until, asked)
        return None

    def _answer(self, wave: Ping, error: HyperverseError, outcome: Outcome) -> asyncio.Future[Pong]:
        reply = Pong.failure(error, outcome)
        reply.id, reply.sender, reply.hops = wave.id, wave.to, wave.hops
        future: asyncio.Future[Pong] = self._loop.create_future()
        future.set_result(reply)
        return future

    def settle(self, key: str, reply: Pong | None, *, size: int = 0) -> None:
        """Stores the first wave's reply; None if it did not reach a handler, so that a repeat is handled anew."""
        first = self._open.pop(key, None)
        if first is None:
            return
        if reply is None:
            first.future.cancel()
            self._let_go(first.asked)
            return
        first.future.set_result(reply)
        self._settled[key] = _Settled(first.future, self._loop.time() + self._keep, first.until, size, first.asked)
        self._bytes += size
        self._forget_old()

    def _forget_old(self) -> None:
        now = self._loop.time()
        while self._ends and self._ends[0][0] <= now:
            self._let_go(self._ran.pop(heapq.heappop(self._ends)[1]))
        while self._settled:
            oldest, entry = next(iter(self._settled.items()))
            if entry.given_up > now and len(self._settled) <= self._limit and self._bytes <= self._max_bytes:
                return
            del self._settled[oldest]
            self._bytes -= entry.size
            if entry.until > now:
                self._ran[oldest] = entry.asked
                heapq.heappush(self._ends, (entry.until, oldest))
            else:
                self._let_go(entry.asked)

    def _let_go(self, asked: _Asked) -> None:
        left = self._held[asked.agent] - 1
        if left:
            self._held[asked.agent] = left
        else:
            del self._held[asked.agent]

    def __len__(self) -> int:
        return len(self._open) + len(self._settled) + len(self._ran)


def _about(wave: Ping) -> bytes:
    """Returns a digest of the content of a wave and of its scope."""
    headers = sorted(wave.headers.items()) if wave.headers else None
    scope = "" if wave.scope is None else str(wave.scope)
    digest = hashlib.blake2b(digest_size=16)
    for part in (wave.to.text, wave.method.text, wave.path, scope, repr(headers)):
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    digest.update(encoded_body(wave.body))
    return digest.digest()
