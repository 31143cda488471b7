"""Checkpoints: moving what the write-ahead log holds into the file.

A log can be emptied only up to the oldest state that somebody still reads. So a program that has begun a transaction
and forgotten it makes the log grow without end. Nothing here waits for such a reader: whoever waits for it with the
write lock in his hands stops all writers.
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
"""Bytes of the log below which it is left alone."""
_EMPTY_FROM: Final = 128 * 2**20
"""Bytes of the log from which on it is emptied, so that it stays bounded: writers wait for that, and it is short."""
_PATIENCE: Final = 5.0
"""Seconds that a reader may take before it is told of."""
_PAUSE: Final = 5.0
"""Seconds until a log that a reader holds is looked at again, when nothing is written meanwhile."""


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
        """Makes a checkpoint if the log has grown. Returns in how many seconds it has to be tried again, None when that
        is not before the next write. Raises what SQLAlchemy raises."""
        size = self._log_size()
        if size < _CHECKPOINT_FROM:
            self._held_since = None
            return None
        # A connection of its own, and so a thread of its own: the writer continues meanwhile.
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
        """A log that a reader holds; None when there is none."""
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
    """Returns whether a reader holds a part of the log."""
    connection.exec_driver_sql("PRAGMA busy_timeout=0")
    _, frames, moved = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
    if moved < frames:
        return True
    if empty:
        # Does nothing when a reader has come meanwhile: the next one tries again.
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return False
