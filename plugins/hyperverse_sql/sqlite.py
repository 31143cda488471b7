"""What is SQLite's own: its lists, its files, and what its errors mean.

Everything else in this package is SQL that other databases know too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from hyperverse_core.errors import BadRequest, HyperverseError, InternalError, TooLarge, Unavailable

from .connection import BUSY_TIMEOUT

__all__ = [
    "error_code",
    "hits_all",
    "listed",
    "listing",
    "open_read_only",
    "primary_code",
    "translated",
    "wal_size",
]

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


def listed(name: str) -> sa.Select[Any]:
    """The texts that parameter ``name`` holds (see :func:`listing`), for ``column.in_(listed("points"))``.

    One parameter, however many texts: the statement is compiled once and no limit on parameters is met.
    """
    value: sa.ColumnElement[str] = sa.column("value", sa.Text)
    return sa.select(value).select_from(sa.func.json_each(sa.bindparam(name, type_=sa.Text)))


def listing(texts: Iterable[str]) -> str:
    """``texts`` as a parameter for :func:`listed`."""
    return json.dumps(list(texts))


def wal_size(path: Path) -> int:
    """Bytes of the write-ahead log, 0 when there is none."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except OSError:
        return 0


def open_read_only(path: Path, *, timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """A plain connection that leaves the file as it is; raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=timeout)


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
