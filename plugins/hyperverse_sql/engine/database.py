"""What the registry needs of a database engine: connections, translation of errors, maintenance of its files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.registry import Trouble

__all__ = ["Database", "DatabaseConnection"]

_T = TypeVar("_T")


class DatabaseConnection(Protocol):
    """A connection that runs whole units of work off the event loop, one at a time.

    Attributes:
        waits_for: what the current unit waits for, as the end of a sentence; empty when it is running.
    """

    waits_for: str

    async def open(self) -> None:
        """Connects. Raises what SQLAlchemy raises."""

    async def run(self, unit: Callable[..., _T], *arguments: Any) -> _T:
        """Runs ``unit(connection, *arguments)`` and returns its result. Rolls back a transaction that the unit has
        begun but not ended."""

    async def close(self) -> None:
        """Disconnects after the units that were submitted earlier. May be called twice."""


class Database(Protocol):
    """A database that holds one registry. Methods that are not coroutines block, except :meth:`connection`,
    :meth:`hits_all` and :meth:`translated`."""

    def prepare(self, given_up: threading.Event) -> None:
        """Makes sure that the database exists and is usable.

        Args:
            given_up: set when no caller waits for the result any more.

        Raises:
            ConfigError: it is not a registry, was written by a newer version, does not exist and may not be created,
                or is not writable.
            Unavailable: another process held it locked until ``given_up`` was set.
        """

    def connection(self, *, writes: bool) -> DatabaseConnection:
        """Returns a new connection, not opened yet. With ``writes`` its transactions take the write lock when they
        begin, so that what they read stays true until they commit; without, it is read-only."""

    def opened(self) -> None:
        """Called when the connections are open and the tables exist."""

    def misplaced(self) -> str:
        """Returns what happened to the database if it is no longer where it was opened; otherwise an empty string.
        Does not block."""

    def check_place(self) -> None:
        """Called in each transaction, before its commit. Raises Unavailable when a later process could not find what
        this commit writes."""

    def hits_all(self, error: BaseException) -> bool:
        """Returns whether every other transaction would fail with ``error`` as well."""

    def translated(self, error: Exception) -> HyperverseError:
        """Translates ``error`` into an error for the caller of the registry, with ``error`` as its cause. Nothing was
        written."""

    async def maintain(self) -> float | None:
        """Does the maintenance that the database needs after many writes. Called shortly after writes, and not while
        there are none. Returns in how many seconds to call it again if nothing is written; None for not at all."""

    def troubles(self) -> Sequence[Trouble]:
        """Returns what maintenance cannot do, and since when. Does not block."""

    def damage(self, connection: sa.Connection) -> list[str]:
        """Returns the damage that the database itself reports, one line for each fault."""

    def dangling(self, connection: sa.Connection) -> list[str]:
        """Returns rows whose foreign key refers to a missing row, one line for each."""

    def back_up(self, target: Path) -> None:
        """Copies a consistent snapshot of the database to the file ``target``.

        Raises:
            Conflict: ``target`` exists.
            Unavailable: ``target`` cannot be written, or the database cannot be read; ``target`` does not exist then.
        """
