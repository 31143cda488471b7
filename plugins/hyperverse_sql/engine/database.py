"""What the registry needs of a database engine: connections, meaning of errors, maintenance of its files."""

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
        waits_for: what the unit under way waits for, as the end of a sentence; empty when it is at work.
    """

    waits_for: str

    async def open(self) -> None:
        """Connects. Raises what SQLAlchemy raises."""

    async def run(self, unit: Callable[..., _T], *arguments: Any) -> _T:
        """Runs ``unit(connection, *arguments)`` and returns its result. A transaction that the unit has begun and not
        ended is rolled back."""

    async def close(self) -> None:
        """Disconnects after the units that were asked for earlier. May be called twice."""


class Database(Protocol):
    """A database that holds one registry. Methods that are not coroutines block, except :meth:`connection`,
    :meth:`hits_all` and :meth:`translated`."""

    def prepare(self, given_up: threading.Event) -> None:
        """Makes sure that the database exists and may be used.

        Args:
            given_up: set when nobody waits for the answer any more.

        Raises:
            ConfigError: it is not a registry, is of a newer version, does not exist and may not be created, or cannot
                be written.
            Unavailable: another process held it until the waiting was given up.
        """

    def connection(self, *, writes: bool) -> DatabaseConnection:
        """A new connection, not opened yet. With ``writes`` its transactions take the write lock when they begin, so
        that what they read stays true until they commit; without, it cannot write."""

    def opened(self) -> None:
        """Called when the connections are open and the tables are there."""

    def misplaced(self) -> str:
        """What has become of the database, when it is not where it was when it was opened; empty when it is. Returns at
        once."""

    def check_place(self) -> None:
        """Called in each transaction, before it is committed. Raises Unavailable when what is committed now could not
        be found again."""

    def hits_all(self, error: BaseException) -> bool:
        """Whether every other transaction would fail with ``error`` as well."""

    def translated(self, error: Exception) -> HyperverseError:
        """What ``error`` means to a caller of the registry, with ``error`` as its cause. Nothing was written."""

    async def maintain(self) -> float | None:
        """Does what the database needs after many writes. Called shortly after writes, and not while there are none.
        Returns in how many seconds it is to be called again if nothing is written; None for not at all."""

    def troubles(self) -> Sequence[Trouble]:
        """What maintenance cannot do, and since when. Returns at once."""

    def damage(self, connection: sa.Connection) -> list[str]:
        """What the database itself finds damaged, one line for each fault."""

    def dangling(self, connection: sa.Connection) -> list[str]:
        """Rows whose foreign key leads nowhere, one line for each."""

    def back_up(self, target: Path) -> None:
        """Copies the database, as it is at one moment, to the file ``target``.

        Raises:
            Conflict: ``target`` exists.
            Unavailable: ``target`` cannot be written, or the database cannot be read; there is no ``target`` then.
        """
