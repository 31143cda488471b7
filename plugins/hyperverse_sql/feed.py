"""The change feed, from its readers' side.

Commits of this process wake the waiting readers at once, and those of other processes when somebody hints at them.
Who is not told asks SQLite, as long as somebody waits: seldom while there is nothing that was not hinted at, often
once there was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.registry import Change, ChangeKind, Changes
from hyperverse_core.values import Point

from .reader import Reader
from .schema import changes
from .transaction import Transaction

__all__ = ["Feed", "FeedSize", "newest_revision", "oldest_revision", "prune"]

_MOST_AT_ONCE: Final = 2000
_OFTEN: Final = 0.05
"""Seconds between two looks for what other processes have committed, after a commit that nobody had hinted at;"""
_SELDOM: Final = 0.25
"""these grow up to here."""
_GROWTH: Final = 1.05
_KINDS: Final = {kind.value: kind for kind in ChangeKind}

_NEWEST = sa.select(sa.func.coalesce(sa.func.max(changes.c.revision), 0))
_OLDEST = sa.select(sa.func.coalesce(sa.func.min(changes.c.revision), 0))
_SINCE = (
    sa.select(changes.c.revision, changes.c.kind, changes.c.point)
    .where(changes.c.revision > sa.bindparam("since"))
    .order_by(changes.c.revision)
    .limit(_MOST_AT_ONCE)
)


def newest_revision(connection: sa.Connection) -> int:
    """The newest revision, 0 when nothing was logged yet."""
    return int(connection.execute(_NEWEST).scalar_one())


def oldest_revision(connection: sa.Connection) -> int:
    """The oldest revision that is kept, 0 when nothing was logged yet."""
    return int(connection.execute(_OLDEST).scalar_one())


def _read(since: int, connection: sa.Connection) -> Changes:
    rows = connection.execute(_SINCE, {"since": since}).all()
    if rows and rows[0][0] == since + 1:
        entries = tuple(Change(row[0], _KINDS[row[1]], Point.parse(row[2])) for row in rows)
        return Changes(entries, entries[-1].revision)
    newest = newest_revision(connection)
    if not rows and newest >= since:  # newer: committed between the two queries, and read the next time
        return Changes((), since)
    # Older than what is kept; or newer than anything there, when the file was put back from a backup.
    return Changes((), newest, lost=True)


@attrs.define(eq=False)
class Feed:
    """Answers :meth:`Registry.changes`."""

    _reader: Reader
    _waiting: dict[asyncio.Future[None], int] = attrs.field(factory=dict)  # and the revision that each has read up to
    _known: int = 0  # the newest revision that was read, found or hinted at
    _pause: float = _OFTEN
    _poller: asyncio.Task[None] | None = None
    _closed: bool = False

    async def changes(self, since: int, timeout: float) -> Changes:
        """See :meth:`Registry.changes`."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout
        while True:
            # Before the query: what is committed while it runs shall wake us.
            woken = loop.create_future()
            self._waiting[woken] = since
            try:
                found = await self._reader.read(partial(_read, since))
                # Lost: a file that was put back from a backup begins anew, with smaller revisions.
                self._known = found.revision if found.lost else max(self._known, found.revision)
                left = ends - loop.time()
                if found.entries or found.lost or left <= 0 or self._closed:
                    return found
                self._watch()
                await asyncio.wait((woken,), timeout=left)
            finally:
                del self._waiting[woken]

    def wake(self) -> None:
        """Wakes whoever waits."""
        self._wake_those(lambda since: True)

    def hint(self, revision: int) -> None:
        """Somebody has heard of ``revision``."""
        self._known = max(self._known, revision)
        self._wake_those(lambda since: since < revision)

    def _wake_those(self, concerned: Callable[[int], bool]) -> None:
        """Each by what it has read itself: what one reader knows already, another may still wait for."""
        for woken, since in self._waiting.items():
            if not woken.done() and concerned(since):
                woken.set_result(None)

    async def close(self) -> None:
        """Sends home whoever waits, with what there is."""
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
                # Whoever waits meets the same error when it reads.
                self.wake()
                return
            if newest > self._known:
                self._known, self._pause = newest, _OFTEN
            self._wake_those(newest.__ne__)  # a smaller one, when the file was put back from a backup
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * _GROWTH, _SELDOM)


@attrs.define
class FeedSize:
    """How many entries the feed has, as far as this process knows.

    Attributes:
        keep: how many are kept at least.
        newest: the newest revision.
        oldest: the oldest that was not pruned yet.
    """

    keep: int
    newest: int = 0
    oldest: int = 0

    @property
    def surplus(self) -> int:
        """How many could go."""
        return self.newest - self.oldest + 1 - self.keep


def prune(tx: Transaction, arguments: Any) -> list[int]:
    """Removes entries that are not kept any more, a bounded number; the oldest revision that is left.

    ``arguments`` is a list of one pair: how many entries are kept, and how many may be removed at once.
    """
    ((keep, most),) = arguments
    oldest = int(tx.connection.execute(_OLDEST).scalar_one())
    end = min(tx.revision - keep, oldest + most - 1)
    if end >= oldest:
        tx.connection.execute(sa.delete(changes).where(changes.c.revision <= end))
    return [max(oldest, end + 1)]
