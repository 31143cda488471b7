"""What is SQLite's own: connections, transactions, its files, and what its errors mean.

Everything else in this package is SQL that other databases know too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import aiosqlite
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from hyperverse_core.errors import BadRequest, HyperverseError, InternalError, TooLarge, Unavailable

from .one_hop import OneHopConnection

__all__ = [
    "BUSY_TIMEOUT",
    "connect_engine",
    "data_version",
    "error_code",
    "hits_all",
    "listed",
    "listing",
    "open_read_only",
    "primary_code",
    "translated",
    "wal_size",
]

BUSY_TIMEOUT: Final = 5.0
_CACHE_KIB: Final = 65_536
# What happens to every transaction alike: trying the units of a failed one by themselves is no use.
_HITS_ALL: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
    }
)


def connect_engine(path: Path, *, writes: bool, synchronous: str = "NORMAL") -> AsyncEngine:
    """An engine over the file at ``path``.

    Args:
        writes: its transactions take the write lock at once (``BEGIN IMMEDIATE``), so that what they read stays
            true until they commit. Otherwise nothing begins a transaction but the unit itself.
        synchronous: ``NORMAL`` survives a crash of the process, ``FULL`` one of the machine.
    """

    async def connect() -> aiosqlite.Connection:
        # isolation_level=None: the sqlite3 module begins no transactions of its own accord.
        def connector() -> sqlite3.Connection:
            return sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT, check_same_thread=False)

        connection = OneHopConnection(connector, iter_chunk_size=64)
        # A process that ends without closing the registry shall not wait for this thread.
        connection._thread.daemon = True
        return await connection

    engine = create_async_engine("sqlite+aiosqlite://", async_creator=connect, poolclass=NullPool)
    sa.event.listen(engine.sync_engine, "connect", _prepare(synchronous, read_only=not writes))
    if writes:
        sa.event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def _prepare(synchronous: str, *, read_only: bool) -> Any:
    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        # Checkpoints set the slowest hundredth of the writes: Upkeep makes them, beside the writer.
        cursor.execute("PRAGMA wal_autocheckpoint=0")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    return prepare


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def listed(name: str) -> sa.Select[Any]:
    """The texts that parameter ``name`` holds (see :func:`listing`), for ``column.in_(listed("points"))``.

    One parameter, however many texts: the statement is compiled once and no limit on parameters is met.
    """
    value: sa.ColumnElement[str] = sa.column("value", sa.Text)
    return sa.select(value).select_from(sa.func.json_each(sa.bindparam(name, type_=sa.Text)))


def listing(texts: Iterable[str]) -> str:
    """``texts`` as a parameter for :func:`listed`."""
    return json.dumps(list(texts))


def data_version(connection: sa.Connection) -> int:
    """A number that changes whenever any other connection, of any process, has committed."""
    return int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())


def wal_size(path: Path) -> int:
    """Bytes of the write-ahead log, 0 when there is none."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except OSError:
        return 0


def open_read_only(path: Path) -> sqlite3.Connection:
    """A plain connection that leaves the file as it is; raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT)


def error_code(error: BaseException) -> int | None:
    """SQLite's extended result code behind ``error``, None when there is none."""
    original = getattr(error, "orig", error)
    code = getattr(original, "sqlite_errorcode", None)
    return code if isinstance(code, int) else None


def primary_code(error: BaseException) -> int | None:
    """SQLite's primary result code behind ``error``, None when there is none."""
    code = error_code(error)
    return None if code is None else code & 0xFF


def hits_all(error: BaseException) -> bool:
    """Whether every other transaction would meet ``error`` as well."""
    return primary_code(error) in _HITS_ALL


def translated(error: Exception, path: Path) -> HyperverseError:
    """What ``error`` means to the caller of the registry; nothing was written. It is the cause of the result."""
    if isinstance(error, HyperverseError):
        return error
    meaning = _meaning(error, path)
    meaning.__cause__ = error
    return meaning


def _meaning(error: Exception, path: Path) -> HyperverseError:
    said = str(getattr(error, "orig", error))
    match primary_code(error):
        case sqlite3.SQLITE_FULL:
            return Unavailable(
                f"the disk of the registry {str(path)!r} is full; nothing was written",
                hint="free some space there; the registry goes on by itself",
                retry_after=1.0,
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(
                f"the registry {str(path)!r} was locked for more than {BUSY_TIMEOUT:g} s",
                hint="another process holds a transaction open in that file",
                retry_after=0.5,
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Unavailable(
                f"the registry {str(path)!r} is damaged: {said}",
                hint="see `hyperverse registry check`, and restore a backup",
            )
        case sqlite3.SQLITE_TOOBIG:
            return TooLarge("that is more than the registry can keep in one value", hint="the limit is about 1 GB")
        case sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_ERROR:
            return InternalError(f"the registry broke one of its own rules: {said}")
        case None if isinstance(error, UnicodeError | OverflowError):
            return BadRequest(f"the registry cannot keep that: {said}")
        case None if not isinstance(error, sa.exc.DBAPIError):
            return InternalError(f"the registry failed: {type(error).__name__}: {said}")
        case _:
            return Unavailable(
                f"the registry {str(path)!r} cannot be reached: {said}",
                hint="is its folder still there, and may this process write to it?",
                retry_after=1.0,
            )
