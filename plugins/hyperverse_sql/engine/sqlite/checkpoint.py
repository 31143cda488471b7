"""Checkpoints: moving what the write-ahead log holds into the file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from .connection import SqliteConnection

__all__ = ["checkpoint"]

_CHECKPOINT_FROM: Final = 4 * 2**20
"""Bytes of the log below which it is left alone."""
_EMPTY_FROM: Final = 128 * 2**20
"""Bytes of the log from which on writers wait while it is emptied, so that it stays bounded."""


async def checkpoint(path: Path) -> None:
    """Makes a checkpoint if the log of the file at ``path`` has grown. Raises what SQLAlchemy raises."""
    size = _log_size(path)
    if size < _CHECKPOINT_FROM:
        return
    # A connection of its own, and so a thread of its own: the writer continues meanwhile.
    connection = SqliteConnection(path, writes=False)
    await connection.open()
    try:
        await connection.run(_checkpoint, "TRUNCATE" if size >= _EMPTY_FROM else "PASSIVE")
    finally:
        await connection.close()


def _log_size(path: Path) -> int:
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except OSError:
        return 0


def _checkpoint(connection: sa.Connection, mode: str) -> None:
    connection.exec_driver_sql(f"PRAGMA wal_checkpoint({mode})")
