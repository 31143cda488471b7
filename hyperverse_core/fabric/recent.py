"""Replies that may be asked for again: a wave that is sent a second time gets the answer of the first."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import attrs

from ..universe.wave import Pong

__all__ = ["Recent"]


@attrs.define(eq=False)
class _Settled:
    future: asyncio.Future[Pong]
    until: float
    size: int


class Recent:
    """Remembers replies by a key for a while. What is still being handled is never forgotten.

    Args:
        keep: seconds for which a reply is remembered after it was given.
        limit: how many replies at the most; the oldest go first.
        max_bytes: how many bytes of them, as far as :meth:`settle` is told their size.
    """

    def __init__(self, keep: float = 60.0, limit: int = 50_000, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._loop = asyncio.get_running_loop()
        self._keep = keep
        self._limit = limit
        self._max_bytes = max_bytes
        self._bytes = 0
        self._open: dict[str, asyncio.Future[Pong]] = {}
        self._settled: OrderedDict[str, _Settled] = OrderedDict()

    def first(self, key: str) -> asyncio.Future[Pong] | None:
        """None when this is the first of its key: the caller handles it and then calls :meth:`settle`. Otherwise a
        future of the first one's reply, which is cancelled when the first did not reach a handler."""
        self._forget_old()
        settled = self._settled.get(key)
        known = self._open.get(key) if settled is None else settled.future
        if known is None:
            self._open[key] = self._loop.create_future()
        return known

    def settle(self, key: str, reply: Pong | None, *, size: int = 0) -> None:
        """The first one's reply; None when it did not reach a handler, so that a repeat is handled anew."""
        future = self._open.pop(key, None)
        if future is None:
            return
        if reply is None:
            future.cancel()
            return
        future.set_result(reply)
        self._settled[key] = _Settled(future, self._loop.time() + self._keep, size)
        self._bytes += size
        self._forget_old()

    def _forget_old(self) -> None:
        now = self._loop.time()
        while self._settled:
            oldest, entry = next(iter(self._settled.items()))
            if entry.until > now and len(self._settled) <= self._limit and self._bytes <= self._max_bytes:
                return
            del self._settled[oldest]
            self._bytes -= entry.size

    def __len__(self) -> int:
        return len(self._open) + len(self._settled)
