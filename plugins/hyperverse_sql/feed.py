"""Waiting for entries of the change feed.

A commit of this process wakes the waiting callers at once; a commit of another process wakes them when its notice
arrives. For commits without a notice, the database is polled while any caller waits: often after such a commit, and
rarely when there are none.
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
            # Registered before the query, so that a commit during the query wakes this caller.
            woken = loop.create_future()
            self._waiting[woken] = since
            try:
                found = await self._reader.read(partial(changes_since, since=since))
                # Lost: a database restored from a backup starts again, with smaller revisions.
                self._known = found.revision if found.lost else max(self._known, found.revision)
                left = ends - loop.time()
                if found.entries or found.lost or left <= 0 or self._closed:
                    return found
                self._watch()
                await asyncio.wait((woken,), timeout=left)
            finally:
                del self._waiting[woken]

    def wake(self) -> None:
        """Wakes all waiting callers."""
        for woken in self._waiting:  # runs at every commit: no function call for each caller
            if not woken.done():
                woken.set_result(None)

    def notice(self, revision: int) -> None:
        """Wakes the callers that have not read ``revision`` yet, which another process has committed."""
        self._known = max(self._known, revision)
        self._wake_those(lambda since: since < revision)

    def _wake_those(self, concerned: Callable[[int], bool]) -> None:
        """Wakes callers by what each has read: one may still wait for a revision that another has read already."""
        for woken, since in self._waiting.items():
            if not woken.done() and concerned(since):
                woken.set_result(None)

    async def close(self) -> None:
        """Ends all waiting. The callers get the entries that exist now."""
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
                # The waiting callers get the same error when they read.
                self.wake()
                return
            if newest > self._known:
                self._known, self._pause = newest, _OFTEN
            self._wake_those(newest.__ne__)  # it is smaller when the database was restored from a backup
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * _GROWTH, _SELDOM)
