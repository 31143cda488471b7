"""SqliteDatabase: a registry in one SQLite file, which several processes may have open."""

from __future__ import annotations

import threading
from pathlib import Path

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError

from . import (
    dialect,  # noqa: F401  # adds SQLite's wording of our expressions
    errors,
    integrity,
)
from .backup import copy_to
from .checkpoint import checkpoint
from .connection import SqliteConnection
from .database_file import prepare_file

__all__ = ["SqliteDatabase"]


@attrs.frozen
class SqliteDatabase:
    """Implements :class:`~hyperverse_sql.engine.database.Database`.

    Attributes:
        path: the file.
        create: whether an absent file is created.
        synchronous: with ``NORMAL`` a commit survives a crash of the process, with ``FULL`` also a loss of power.
    """

    path: Path
    create: bool = True
    synchronous: str = "NORMAL"

    def prepare(self, given_up: threading.Event) -> None:
        """Makes sure that the file exists and may be used. Blocks. See
        :func:`~hyperverse_sql.engine.sqlite.database_file.prepare_file`."""
        prepare_file(self.path, create=self.create, given_up=given_up)

    def connection(self, *, writes: bool) -> SqliteConnection:
        """A new connection, not opened yet."""
        return SqliteConnection(self.path, writes=writes, synchronous=self.synchronous)

    def hits_all(self, error: BaseException) -> bool:
        """Whether every other transaction would fail with ``error`` as well."""
        return errors.hits_all(error)

    def translated(self, error: Exception) -> HyperverseError:
        """What ``error`` means to a caller of the registry."""
        return errors.translated(error, self.path)

    async def maintain(self) -> None:
        """Makes a checkpoint if the write-ahead log has grown."""
        await checkpoint(self.path)

    def damage(self, connection: sa.Connection) -> list[str]:
        """What SQLite finds damaged in the file."""
        return integrity.damage(connection)

    def dangling(self, connection: sa.Connection) -> list[str]:
        """Rows whose foreign key leads nowhere."""
        return integrity.dangling(connection)

    def back_up(self, target: Path) -> None:
        """Copies the file, as it is at one moment. Blocks until it is done."""
        copy_to(self.path, target)
