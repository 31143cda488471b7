"""Translates SQLite's errors for the caller of the registry."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from hyperverse_core.errors import BadRequest, HyperverseError, InternalError, TooLarge, Unavailable

from .connection import BUSY_TIMEOUT

__all__ = ["hits_all", "primary_code", "translated"]

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
"""Errors that every transaction meets alike, so retrying the units of a failed one separately would not help."""


def primary_code(error: BaseException) -> int | None:
    """Returns SQLite's primary result code of ``error``; None when SQLite did not cause it."""
    original = getattr(error, "orig", error)
    code = getattr(original, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def hits_all(error: BaseException) -> bool:
    """Returns whether every other transaction would fail with ``error`` as well."""
    return primary_code(error) in _HITS_ALL


def translated(error: Exception, path: Path) -> HyperverseError:
    """Translates ``error``, of the file at ``path``, into an error for the caller of the registry, with ``error`` as
    its cause. Nothing was written."""
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
                hint="free some space on that disk; the registry then continues by itself",
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
                hint="run `hyperverse registry check`, and restore a backup",
            )
        case sqlite3.SQLITE_TOOBIG:
            return TooLarge(
                "the value is larger than the registry can store", hint="the limit is about 1 GB for a whole row"
            )
        case sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_ERROR:
            return InternalError(f"the registry violated one of its own constraints: {said}")
        case None if isinstance(error, UnicodeError | OverflowError):
            return BadRequest(f"the registry cannot store this value: {said}")
        case None if not isinstance(error, sa.exc.DBAPIError):
            return InternalError(f"the registry failed: {type(error).__name__}: {said}")
        case _:
            return Unavailable(
                f"the registry {str(path)!r} cannot be reached: {said}",
                hint="check that its folder exists and that this process may write to it",
                retry_after=1.0,
            )
