"""Checkpoints: move the content of the write-ahead log into the database file.

A checkpoint can empty the log only up to the oldest snapshot that a reader still uses. A program that begins a
transaction and forgets it therefore makes the log grow without bound. Nothing here waits for such a reader, because
waiting for it while holding the write lock would stop all writers.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import attrs
import sqlalchemy as sa

from hyperverse_core.registry import Trouble

from .connection import SqliteConnection

__all__ = ["Checkpoints"]

_CHECKPOINT_FROM: Final = 4 * 2**20
"""A log smaller than this many bytes is left alone."""
_EMPTY_FROM: Final = 128 * 2**20
"""A log of this many bytes or more is emptied, so that it stays bounded. Writers wait for that, but not for long."""
_PATIENCE: Final = 5.0
"""Seconds that a reader may hold the log before the status reports it."""
_PAUSE: Final = 5.0
"""Seconds until a log that a reader holds is checked again, when nothing is written meanwhile."""


@attrs.define(eq=False)
class Checkpoints:
    """The checkpoints of one file.

    Attributes:
        path: the file.
    """

    path: Path
    _held_since: float | None = None
    _looked: float = 0.0

    async def make(self) -> float | None:
        """Makes a checkpoint if the log has grown. Returns in how many seconds to try again; None when the next write
        is soon enough. Raises what SQLAlchemy raises."""
        size = self._log_size()
        if size < _CHECKPOINT_FROM:
            self._held_since = None
            return None
        # A separate connection has its own thread: the writer continues meanwhile.
        connection = SqliteConnection(self.path, writes=False)
        await connection.open()
        try:
            held = await connection.run(_checkpoint, size >= _EMPTY_FROM)
        finally:
            await connection.close()
        self._looked = time.time()
        if not held:
            self._held_since = None
            return None
        if self._held_since is None:
            self._held_since = self._looked
        return _PAUSE

    def trouble(self) -> Trouble | None:
        """Returns a description of a log that a reader holds; None when no reader does."""
        since = self._held_since
        if since is None or time.time() - since < _PATIENCE:
            return None
        cause = (
            f"it has {self._log_size() / 2**20:.0f} MiB and cannot be emptied: a program that reads {str(self.path)!r} "
            "has kept a transaction open; end the transaction or that program"
        )
        return Trouble("the write-ahead log of the registry", cause, since, self._looked + _PAUSE)

    def _log_size(self) -> int:
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except OSError:
            return 0


def _checkpoint(connection: sa.Connection, empty: bool) -> bool:
    """Makes a checkpoint; with ``empty``, truncates the log as well. Returns whether a reader holds a part of the
    log."""
    connection.exec_driver_sql("PRAGMA busy_timeout=0")
    _, frames, moved = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
    if moved < frames:
        return True
    if empty:
        # Does nothing when a new reader has arrived meanwhile; the next checkpoint tries again.
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return False
