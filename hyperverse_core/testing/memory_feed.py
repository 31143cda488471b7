"""The change feed of the registry in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice

import attrs

from ..contracts.registry import Change, ChangeKind, Changes
from ..universe.address.point import Point

__all__ = ["MemoryFeed"]

_MOST_AT_ONCE = 2000


@attrs.define(eq=False)
class MemoryFeed:
    """Keeps the newest entries, and wakes the callers that wait for more. Time comes from the event loop.

    Attributes:
        keep: number of entries that are kept.
        revision: the newest revision.
    """

    keep: int
    revision: int = 0
    _entries: deque[Change] = attrs.field(factory=deque)
    _waiting: set[asyncio.Future[None]] = attrs.field(factory=set)
    _closed: bool = False

    def log(self, kind: ChangeKind, point: Point, epoch: int = 0) -> None:
        """Adds an entry. ``epoch``: see :class:`~hyperverse_core.registry.Change`."""
        self.revision += 1
        self._entries.append(Change(self.revision, kind, point, epoch))
        if len(self._entries) > self.keep:
            self._entries.popleft()
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)

    async def changes(self, since: int, timeout: float) -> Changes:
        """See `Registry.changes`."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout
        while True:
            found = self._read(since)
            left = ends - loop.time()
            if found.entries or found.lost or left <= 0 or self._closed:
                return found
            woken = loop.create_future()
            self._waiting.add(woken)
            try:
                await asyncio.wait((woken,), timeout=left)
            finally:
                self._waiting.discard(woken)

    def open(self) -> None:
        """Allows callers to wait."""
        self._closed = False

    def close(self) -> None:
        """Ends all waiting."""
        self._closed = True
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)

    def _read(self, since: int) -> Changes:
        oldest = self.revision - len(self._entries) + 1
        if since + 1 < oldest or since > self.revision:
            return Changes((), self.revision, lost=True, set_back=since > self.revision)
        # Revisions have no gaps, so the number of wanted entries follows from them. Most readers want the newest.
        wanted = min(self.revision - since, len(self._entries))
        if wanted <= _MOST_AT_ONCE:
            entries = tuple(reversed(tuple(islice(reversed(self._entries), wanted))))
        else:
            start = len(self._entries) - wanted
            entries = tuple(islice(self._entries, start, start + _MOST_AT_ONCE))
        return Changes(entries, entries[-1].revision if entries else since)
