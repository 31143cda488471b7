"""Waiting for entries of the change feed.

A commit of this process wakes the waiting callers at once, and a commit of another process does so when a notice of it
arrives. For commits without a notice the database is polled while somebody waits: often after such a commit, and rarely
while there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import attrs

from hyperverse_core.errors import HyperverseError
from hyperverse_core.registry import Changes

from .engine.reader import Reader
from .units.changes import changes_since, newest_revision

__all__ = ["FeedReader"]

_OFTEN: Final = 0.05
"""Seconds between two polls after a commit of another process without a notice."""
_SELDOM: Final = 0.25
"""Seconds between two polls, at most."""
_GROWTH: Final = 1.05
"""Factor by which the time between two polls grows."""


@attrs.define(eq=False)
class FeedReader:
    """Answers :meth:`Registry.changes`."""

    _reader: Reader
    _waiting: dict[asyncio.Future[None], int] = attrs.field(factory=dict)  # with the revision that each has read up to
    _known: int = 0  # the newest revision that was read, polled or announced by a notice
    _pause: float = _OFTEN
    _poller: asyncio.Task[None] | None = None
    _closed: bool = False

    async def changes(self, since: int, timeout: float) -> Changes:
        """See :meth:`Registry.changes`."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout
        while True:
            # Before the query, so that a commit while it runs wakes us.
            woken = loop.create_future()
            self._waiting[woken] = since
            try:
                found = await self._reader.read(partial(changes_since, since=since))
                # Lost: a file that was restored from a backup starts again, with smaller revisions.
                self._known = found.revision if found.lost else max(self._known, found.revision)
                left = ends - loop.time()
                if found.entries or found.lost or left <= 0 or self._closed:
                    return found
                self._watch()
                await asyncio.wait((woken,), timeout=left)
            finally:
                del self._waiting[woken]

    def wake(self) -> None:
        """Wakes all callers that wait."""
        for woken in self._waiting:  # a commit comes by here: no function is called for each caller
            if not woken.done():
                woken.set_result(None)

    def notice(self, revision: int) -> None:
        """Wakes the callers that have not read ``revision`` yet: another process has committed it."""
        self._known = max(self._known, revision)
        self._wake_those(lambda since: since < revision)

    def _wake_those(self, concerned: Callable[[int], bool]) -> None:
        """Wakes each caller by what it has read itself: another may still wait for what one caller knows already."""
        for woken, since in self._waiting.items():
            if not woken.done() and concerned(since):
                woken.set_result(None)

    async def close(self) -> None:
        """Ends all waiting. The callers get what there is."""
        self._closed = True
        self.wake()
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.wait((self._poller,))

    def _watch(self) -> None:
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="registry feed")

    async def _poll(self) -> None:
        while self._waiting:
            try:
                newest = await self._reader.read(newest_revision)
            except HyperverseError:
                # The waiting callers meet the same error when they read.
                self.wake()
                return
            if newest > self._known:
                self._known, self._pause = newest, _OFTEN
            self._wake_those(newest.__ne__)  # a smaller one, when the file was restored from a backup
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * _GROWTH, _SELDOM)
