"""Replies that may be asked for again: a wave that is sent a second time gets the answer of the first."""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict

import attrs

from ...contracts.gateway import Replays
from ...errors import Unavailable
from ...protocol.repeats import HARMLESS
from ...universe.waves.wave import Outcome, Ping, Pong

__all__ = ["ReplayCache"]

_LONGEST = 86_400.0
"""Seconds that a key is kept at the most: a client cannot wait longer, and for ever is too long."""
_UNDER_WAY = 10.0
"""Seconds after the deadline of a wave in which a repeat that was sent before may still arrive."""


@attrs.define(eq=False)
class _Open:
    future: asyncio.Future[Pong]
    until: float


@attrs.define(eq=False)
class _Settled:
    future: asyncio.Future[Pong]
    given_up: float
    until: float
    size: int


class ReplayCache(Replays):
    """Remembers replies by a key for a while. What is still being handled is never forgotten.

    A reply may have to go while its wave may still be repeated. Then its key stays: a repeat is told that nobody
    knows the answer any more, and is not handled a second time.

    Args:
        keep: seconds for which a reply is remembered after it was given.
        limit: how many replies at the most; the oldest go first.
        max_bytes: how many bytes of them, as far as :meth:`settle` is told their size.
        most: how many keys at the most, with or without a reply; new ones are refused beyond.
            One takes about 250 bytes.
    """

    def __init__(
        self, keep: float = 60.0, limit: int = 50_000, max_bytes: int = 64 * 1024 * 1024, most: int = 500_000
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._keep = keep
        self._limit = limit
        self._max_bytes = max_bytes
        self._most = most
        self._bytes = 0
        self._open: dict[str, _Open] = {}
        self._settled: OrderedDict[str, _Settled] = OrderedDict()
        self._ran: set[str] = set()
        self._ends: list[tuple[float, str]] = []  # of what is in _ran, a heap

    def first(self, key: str, wave: Ping) -> asyncio.Future[Pong] | None:
        """None when this is the first of its key: the caller handles it and then calls :meth:`settle`. Otherwise a
        future of the answer: the first one's reply, which is cancelled when the first did not reach a handler, or
        that the reply is gone, or that there is no room to remember one more."""
        self._forget_old()
        known = self._settled.get(key) or self._open.get(key)
        if known is not None:
            return known.future
        if key in self._ran:
            return self._answer(wave, "it has run here, and its answer is not kept any more", Outcome.UNKNOWN)
        if len(self) >= self._most:
            # an old key may be forgotten only when nobody repeats its wave any more
            return self._answer(wave, f"{self._most} waves that may be repeated are remembered here", Outcome.REJECTED)
        # one that may run twice need not be remembered longer than its reply
        patience = min(wave.deadline, self._loop.time() + _LONGEST)
        until = 0.0 if wave.method.text in HARMLESS else patience + _UNDER_WAY
        self._open[key] = _Open(self._loop.create_future(), until)
        return None

    def _answer(self, wave: Ping, error: str, outcome: Outcome) -> asyncio.Future[Pong]:
        again = 0.5 if outcome is Outcome.REJECTED else None
        reply = Pong.failure(Unavailable(error, retry_after=again), outcome)
        reply.id, reply.sender, reply.hops = wave.id, wave.to, wave.hops
        future: asyncio.Future[Pong] = self._loop.create_future()
        future.set_result(reply)
        return future

    def settle(self, key: str, reply: Pong | None, *, size: int = 0) -> None:
        """The first one's reply; None when it did not reach a handler, so that a repeat is handled anew."""
        first = self._open.pop(key, None)
        if first is None:
            return
        if reply is None:
            first.future.cancel()
            return
        first.future.set_result(reply)
        self._settled[key] = _Settled(first.future, self._loop.time() + self._keep, first.until, size)
        self._bytes += size
        self._forget_old()

    def _forget_old(self) -> None:
        now = self._loop.time()
        while self._ends and self._ends[0][0] <= now:
            self._ran.discard(heapq.heappop(self._ends)[1])
        while self._settled:
            oldest, entry = next(iter(self._settled.items()))
            if entry.given_up > now and len(self._settled) <= self._limit and self._bytes <= self._max_bytes:
                return
            del self._settled[oldest]
            self._bytes -= entry.size
            if entry.until > now:
                self._ran.add(oldest)
                heapq.heappush(self._ends, (entry.until, oldest))

    def __len__(self) -> int:
        return len(self._open) + len(self._settled) + len(self._ran)
