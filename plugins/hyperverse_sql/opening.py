"""Opening a registry's file: what is there, may we use it, and the empty registry when there is nothing."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from hyperverse_core.errors import ConfigError, Unavailable
from hyperverse_core.registry import Registration, Status
from hyperverse_core.values import HYPERUSER, ROOT, Kind

from . import sqlite
from .rows import NEW_ROW, new_row
from .schema import SCHEMA_VERSION, meta, metadata, particles
from .settings import Settings

__all__ = ["create_schema", "prepare_file"]

_HEADER: Final = b"SQLite format 3\x00"
_NO_HEADER: Final = bytes(len(_HEADER))
_JOURNAL: Final = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
_PATIENCE: Final = 20.0
"""Seconds that whoever starts waits for a process that sleeps in the middle of a write: longer than a wave would."""
_LOOK: Final = 0.01
"""Seconds between two attempts. The waiting is ours: SQLite does not wait where two could wait for each other, as when
several processes turn a new file to WAL mode at once."""


def prepare_file(settings: Settings, given_up: threading.Event) -> None:
    """Sees to it that there is a file we may use, in WAL mode. Blocks; touches no file that we may not use.

    Args:
        settings: which file.
        given_up: set when nobody waits for it any more.

    Raises:
        ConfigError: it is no registry, a newer one, absent and not to be created, or cannot be written.
        Unavailable: another process holds it all the time, or until it was given up.
    """
    path, until = settings.path, time.monotonic() + _PATIENCE
    while True:
        try:
            return _prepare(settings)
        except OSError as error:
            raise _unusable(path, error.strerror or str(error)) from error
        except sqlite3.Error as error:
            if sqlite.primary_code(error) != sqlite3.SQLITE_BUSY:
                raise _unusable(path, str(error)) from error
            if time.monotonic() > until:
                raise Unavailable(
                    f"the registry {str(path)!r} is held by another process for more than {_PATIENCE:g} s",
                    hint="a process that was stopped (not ended) in the middle of a write has to go on, or be killed",
                ) from error
        # Not a mere sleep: a process that ends waits for this thread.
        if given_up.wait(random.uniform(0.5, 1.5) * _LOOK):
            raise Unavailable(f"nobody waits for the registry {str(path)!r} any more")


def _prepare(settings: Settings) -> None:
    """One attempt; raises sqlite3.Error with the code BUSY when another process is in its way."""
    path = settings.path
    if _may_be_half_written(path):
        _roll_back(path)
    if _is_there(path):
        _check_version(path)
    elif not settings.create:
        raise ConfigError(f"there is no registry {str(path)!r}", hint="is that the data directory of a machine?")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
    _use_wal(path)


def _is_there(path: Path) -> bool:
    """Whether there is a file with anything in it."""
    return path.exists() and (not path.is_file() or path.stat().st_size > 0)


def _may_be_half_written(path: Path) -> bool:
    """Whether a process may have been killed in the middle of a write: until the file is in WAL mode, what is written
    over is kept in a journal beside it. For certain it is known to SQLite, when it reads the file."""
    if not path.is_file():
        return False
    header, journal = _start_of(path), _start_of(path.with_name(path.name + "-journal"))
    if header == _NO_HEADER:  # other pages were written before the first one: any file might begin like that
        return journal.startswith(_JOURNAL)
    return header == _HEADER and journal[:1] not in (b"", b"\x00")


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER))
    except FileNotFoundError:
        return b""


def _roll_back(path: Path) -> None:
    """Lets SQLite undo what was half written, if anything was; the file may be empty behind it. Who only reads cannot
    do that, and is refused until it is done. A write of a process that lives is left alone."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=0)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    finally:
        connection.close()


def _check_version(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"the registry {str(path)!r} is not a file", hint="name a file as path of the registry")
    if _start_of(path) != _HEADER:
        raise ConfigError(
            f"the file {str(path)!r} is no SQLite database",
            hint="name another file, or restore a backup there",
        )
    connection = sqlite.open_read_only(path, timeout=0)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "meta" not in tables:
            # Nothing at all: a process that began to create it did not get far.
            if tables:
                raise ConfigError(f"the database {str(path)!r} is no registry", hint="name another file")
            return
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        found = -1 if row is None else int(row[0])
    except ValueError as error:
        raise ConfigError(f"the database {str(path)!r} is no registry", hint="name another file") from error
    finally:
        connection.close()
    if found > SCHEMA_VERSION:
        raise ConfigError(
            f"the registry {str(path)!r} was written by a newer version (schema {found}; "
            f"this one knows {SCHEMA_VERSION})",
            hint="upgrade cosmic-hyperverse, or name another data directory",
        )
    if found < 1:
        raise ConfigError(f"the database {str(path)!r} is no registry", hint="name another file")


def _use_wal(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        # Takes the lock, so that a file that cannot be written is found out here.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _unusable(path: Path, said: str) -> ConfigError:
    return ConfigError(
        f"the registry {str(path)!r} cannot be used: {said}",
        hint="may this process write to that folder, and is there space on its disk?",
    )


def create_schema(connection: sa.Connection) -> None:
    """The tables and the root, unless they are there. Runs in a write transaction."""
    if sa.inspect(connection).has_table(meta.name):
        return
    metadata.create_all(connection, checkfirst=False)
    connection.execute(meta.insert(), {"key": "schema", "value": str(SCHEMA_VERSION)})
    root = Registration(ROOT, Kind("Root"), HYPERUSER, status=Status.READY)
    connection.execute(particles.insert(), dict(zip(NEW_ROW, new_row(root), strict=True)))
