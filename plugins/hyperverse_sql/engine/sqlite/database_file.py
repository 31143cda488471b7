"""The registry file: checks that it exists and is usable, and prepares it.

A process may be killed while it creates the file, and several processes may create it at the same time.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import stat
import threading
import time
from pathlib import Path
from typing import Final

from hyperverse_core.errors import ConfigError, Unavailable

from ...tables.schema import SCHEMA_VERSION
from .connection import BUSY_TIMEOUT
from .errors import primary_code

__all__ = ["open_read_only", "prepare_file"]

_HEADER: Final = b"SQLite format 3\x00"
_NO_HEADER: Final = bytes(len(_HEADER))
_JOURNAL: Final = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
_PATIENCE: Final = 20.0
"""Seconds that a starting process waits for one that is suspended during a write: longer than a wave waits."""
_LOOK: Final = 0.01
"""Seconds between two attempts, on average. SQLite itself does not wait where two processes could deadlock, for example
when several switch a new file to WAL mode at the same time."""


def open_read_only(path: Path, *, timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """Opens a plain connection that does not change the file. Raises sqlite3.Error.

    Args:
        timeout: seconds to wait for another process.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=timeout)


def prepare_file(path: Path, *, create: bool, given_up: threading.Event) -> None:
    """Makes sure that ``path`` is a usable registry file in WAL mode. Blocks. Does not touch any other file.

    Args:
        create: whether to create a missing file.
        given_up: set when no caller waits for the result any more.

    Raises:
        ConfigError: it is not a registry, was written by a newer version, does not exist and may not be created, or
            is not writable.
        Unavailable: another process held it locked for too long, or until ``given_up`` was set.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return _prepare(path, create)
        except OSError as error:
            raise _unusable(path, error.strerror or str(error)) from error
        except sqlite3.Error as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY:
                raise _unusable(path, str(error)) from error
            if time.monotonic() > until:
                raise Unavailable(
                    f"the registry {str(path)!r} was held by another process for more than {_PATIENCE:g} s",
                    hint="resume or kill the process that is suspended during a write",
                ) from error
        # Not a plain sleep: a process that exits waits for this thread.
        if given_up.wait(random.uniform(0.5, 1.5) * _LOOK):
            raise Unavailable(f"opening the registry {str(path)!r} was cancelled")


def _prepare(path: Path, create: bool) -> None:
    """Makes one attempt. Raises sqlite3.Error with the code BUSY when another process holds the file."""
    if _may_be_half_written(path):
        _roll_back(path)
    if _has_content(path):
        _check_version(path)
    elif not create:
        raise ConfigError(f"there is no registry {str(path)!r}", hint="is that the data directory of a machine?")
    else:
        _check_no_log(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    _close_to_others(path)
    _use_wal(path)


def _check_no_log(path: Path) -> None:
    """Refuses a missing or empty file that has a write-ahead log beside it. SQLite would delete that log, which holds
    the newest writes of a file that was moved away."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size > 0:
        raise ConfigError(
            f"the registry {str(path)!r} is missing, but its log {log.name!r} is there",
            hint="put the registry back where it was, or restore a backup and remove the log",
        )


def _close_to_others(path: Path) -> None:
    """Removes access for other users. A registry holds the state of every particle and secret properties, whatever the
    mode of its folder. A group that may write keeps its access, because then several users share the registry. SQLite
    gives the files beside the database the same mode."""
    for file in (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm"))):
        with contextlib.suppress(FileNotFoundError):
            found = file.stat()
            mode = stat.S_IMODE(found.st_mode)
            wanted = mode & ~0o007 if mode & 0o020 else mode & ~0o077
            if wanted != mode and found.st_uid == os.geteuid():
                file.chmod(wanted)


def _has_content(path: Path) -> bool:
    return path.exists() and (not path.is_file() or path.stat().st_size > 0)


def _may_be_half_written(path: Path) -> bool:
    """Returns whether a process may have been killed during a write. Until the file is in WAL mode, a journal beside it
    keeps what a write replaces. Only SQLite can tell for certain, when it reads the file."""
    if not path.is_file():
        return False
    header, journal = _start_of(path), _start_of(path.with_name(path.name + "-journal"))
    if header == _NO_HEADER:  # other pages were written before the first one; any file might begin like that
        return journal.startswith(_JOURNAL)
    return header == _HEADER and journal[:1] not in (b"", b"\x00")


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER))
    except FileNotFoundError:
        return b""


def _roll_back(path: Path) -> None:
    """Lets SQLite undo an interrupted write, if there was one; the file may be empty afterwards. A read-only connection
    cannot do that and fails until it is done. The write of a living process is left alone."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=0)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    finally:
        connection.close()


def _check_version(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"the registry {str(path)!r} is not a file", hint="set the path of the registry to a file")
    if _start_of(path) != _HEADER:
        raise ConfigError(
            f"the file {str(path)!r} is not a SQLite database",
            hint="name another file, or restore a backup there",
        )
    found = _version_in(path)
    if found > SCHEMA_VERSION:
        raise ConfigError(
            f"the registry {str(path)!r} was written by a newer version (schema {found}; "
            f"this version supports up to {SCHEMA_VERSION})",
            hint="upgrade cosmic-hyperverse, or name another data directory",
        )
    if found < 1:
        raise _no_registry(path)


def _version_in(path: Path) -> int:
    """Returns the schema version: the current one for an empty database, -1 when none is recorded."""
    connection = open_read_only(path, timeout=0)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "meta" not in tables:
            if tables:
                raise _no_registry(path)
            return SCHEMA_VERSION  # a process was interrupted soon after it began to create the registry
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        return -1 if row is None else int(row[0])
    except ValueError as error:
        raise _no_registry(path) from error
    finally:
        connection.close()


def _no_registry(path: Path) -> ConfigError:
    return ConfigError(f"the database {str(path)!r} is not a registry", hint="name another file")


def _use_wal(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        # Takes the write lock, so that a file that is not writable fails here.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _unusable(path: Path, said: str) -> ConfigError:
    return ConfigError(
        f"the registry {str(path)!r} cannot be used: {said}",
        hint="check that this process may write to that folder and that there is space on its disk",
    )
