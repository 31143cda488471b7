"""SqliteDatabase: a registry in one SQLite file, which several processes may open."""

from __future__ import annotations

import threading
from pathlib import Path

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.registry import Trouble

from . import (
    dialect,  # noqa: F401  # adds SQLite's wording of our expressions
    errors,
    integrity,
)
from .backup import copy_to
from .checkpoint import Checkpoints
from .connection import SqliteConnection
from .database_file import prepare_file
from .same_file import OpenFiles

__all__ = ["SqliteDatabase"]


@attrs.frozen
class SqliteDatabase:
    """Implements :class:`~hyperverse_sql.engine.database.Database`.

    Attributes:
        path: the file.
        create: whether to create a missing file.
        synchronous: with ``NORMAL`` a commit survives a crash of the process, with ``FULL`` also a power failure.
    """

    path: Path
    create: bool = True
    synchronous: str = "NORMAL"
    _files: OpenFiles = attrs.field(init=False)

    _checkpoints: Checkpoints = attrs.field(init=False)

    @_checkpoints.default
    def _make_checkpoints(self) -> Checkpoints:
        return Checkpoints(self.path)

    @_files.default
    def _make_files(self) -> OpenFiles:
        return OpenFiles(self.path)

    def prepare(self, given_up: threading.Event) -> None:
        """Makes sure that the file exists and is usable. Blocks. See
        :func:`~hyperverse_sql.engine.sqlite.database_file.prepare_file`."""
        prepare_file(self.path, create=self.create, given_up=given_up)

    def connection(self, *, writes: bool) -> SqliteConnection:
        """Returns a new connection, not opened yet."""
        return SqliteConnection(self.path, writes=writes, synchronous=self.synchronous)

    def opened(self) -> None:
        """Remembers which files are open; call it when a connection has read and written."""
        self._files.opened()

    def misplaced(self) -> str:
        """Returns what happened to files that are no longer in their places; otherwise an empty string."""
        return self._files.fault()

    def check_place(self) -> None:
        """Raises Unavailable when the files are not in their places."""
        self._files.check()

    def hits_all(self, error: BaseException) -> bool:
        """Returns whether every other transaction would fail with ``error`` as well."""
        return errors.hits_all(error)

    def translated(self, error: Exception) -> HyperverseError:
        """Translates ``error`` into an error for the caller of the registry."""
        return errors.translated(error, self.path)

    async def maintain(self) -> float | None:
        """Makes a checkpoint if the write-ahead log has grown."""
        return None if self.misplaced() else await self._checkpoints.make()

    def troubles(self) -> list[Trouble]:
        """Reports a write-ahead log that cannot be emptied."""
        trouble = self._checkpoints.trouble()
        return [trouble] if trouble else []

    def damage(self, connection: sa.Connection) -> list[str]:
        """Returns the damage that SQLite finds in the file."""
        return integrity.damage(connection)

    def dangling(self, connection: sa.Connection) -> list[str]:
        """Returns rows whose foreign key refers to a missing row."""
        return integrity.dangling(connection)

    def back_up(self, target: Path) -> None:
        """Copies a consistent snapshot of the file. Blocks until it is done."""
        copy_to(self.path, target)
