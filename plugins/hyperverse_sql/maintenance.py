"""Maintenance shortly after writes: pruning the change feed, and what the database itself needs."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError

from .engine.database import Database
from .engine.writer import Writer
from .units.changes import prune

__all__ = ["FeedSize", "Maintenance"]

_log = logging.getLogger(__name__)

_PAUSE: Final = 0.25
"""Seconds between a write and the maintenance after it."""
_PRUNE_AT_ONCE: Final = 2000


@attrs.define
class FeedSize:
    """Number of entries in the change feed, as far as this process knows.

    Attributes:
        keep: minimum number of entries to keep.
        newest: the newest revision.
        oldest: the oldest revision that is not pruned yet.
    """

    keep: int
    newest: int = 0
    oldest: int = 0

    @property
    def surplus(self) -> int:
        """Returns how many entries may be removed."""
        return self.newest - self.oldest + 1 - self.keep


@attrs.define(eq=False)
class Maintenance:
    """Runs shortly after writes, and not at all while nothing is written.

    Attributes:
        size: size of the feed.
    """

    size: FeedSize
    _database: Database
    _writer: Writer
    _timer: asyncio.TimerHandle | None = None
    _task: asyncio.Task[None] | None = None
    _planned: bool = False
    _closed: bool = False

    def committed(self, revision: int) -> None:
        """Records a commit, with the newest revision, and schedules maintenance."""
        self.size.newest = max(self.size.newest, revision)
        if self._planned or self._closed:
            return
        self._planned = True
        if self._timer is not None:  # scheduled for later, not by a write
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._start)

    async def close(self) -> None:
        """Finishes the maintenance under way."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await asyncio.wait((self._task,))

    def _start(self) -> None:
        self._planned = True
        self._task = asyncio.create_task(self._run(), name="registry maintenance")

    async def _run(self) -> None:
        again = None
        try:
            await self._prune()
            again = await self._database.maintain()
        except (HyperverseError, sa.exc.DBAPIError) as error:
            # Writers report a full disk themselves. Unfinished work is tried again after the next write.
            _log.warning("maintenance of the registry failed: %s", error)
        finally:
            self._timer, self._planned = None, False
        if again is not None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(again, self._start)

    async def _prune(self) -> None:
        while self.size.surplus > _PRUNE_AT_ONCE and not self._closed:
            self.size.oldest = await self._writer.write(prune, (self.size.keep, _PRUNE_AT_ONCE), ())
            await asyncio.sleep(0)
