"""What has to be done now and then, off the way of the writes: checkpoints, and pruning the feed."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError

from . import sqlite
from .connection import Connection
from .feed import FeedSize, prune
from .writer import Writer

__all__ = ["Upkeep"]

_log = logging.getLogger(__name__)

_PAUSE: Final = 0.25
# Below the first, the log is left alone. Above the second, the writers wait while it is emptied: it stays bounded.
_CHECKPOINT_FROM: Final = 4 * 2**20
_EMPTY_FROM: Final = 128 * 2**20
_PRUNE_AT_ONCE: Final = 2000


@attrs.define(eq=False)
class Upkeep:
    """Runs shortly after writes, and not at all when nothing is written.

    Attributes:
        path: of the file.
        size: of the feed; the registry tells it each newest revision.
    """

    path: Path
    size: FeedSize
    _writer: Writer
    _timer: asyncio.TimerHandle | None = None
    _task: asyncio.Task[None] | None = None
    _closed: bool = False

    def committed(self, revision: int) -> None:
        """Something was committed: looks after it in a while."""
        self.size.newest = max(self.size.newest, revision)
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._start)

    async def close(self) -> None:
        """Finishes what it is doing."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await asyncio.wait((self._task,))

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="registry upkeep")

    async def _run(self) -> None:
        try:
            await self._prune()
            await self._checkpoint()
        except (HyperverseError, sa.exc.DBAPIError) as error:
            # Whoever writes is told of a full disk; what was left undone here is tried again after the next write.
            _log.warning("the upkeep of the registry failed: %s", error)
        finally:
            self._timer = None

    async def _prune(self) -> None:
        while self.size.surplus > _PRUNE_AT_ONCE and not self._closed:
            self.size.oldest = await self._writer.write(prune, (self.size.keep, _PRUNE_AT_ONCE), ())
            await asyncio.sleep(0)

    async def _checkpoint(self) -> None:
        size = sqlite.wal_size(self.path)
        if size < _CHECKPOINT_FROM:
            return
        mode = "TRUNCATE" if size >= _EMPTY_FROM else "PASSIVE"
        # A connection of its own, and so a thread of its own: the writer goes on meanwhile.
        connection = Connection(self.path, writes=False)
        await connection.open()
        try:
            await connection.run(_checkpoint, mode)
        finally:
            await connection.close()


def _checkpoint(connection: sa.Connection, mode: str) -> None:
    connection.exec_driver_sql(f"PRAGMA wal_checkpoint({mode})")
