"""Copies the registry file while the registry is in use."""

from __future__ import annotations

import os
import sqlite3
import uuid
from pathlib import Path

from hyperverse_core.errors import Conflict, Unavailable

from .database_file import open_read_only

__all__ = ["copy_to"]


def copy_to(source: Path, target: Path) -> None:
    """Copies a consistent snapshot of the registry at ``source`` to ``target``. Blocks until it is done.

    Raises:
        Conflict: ``target`` exists.
        Unavailable: ``target`` cannot be written, or the registry cannot be read; ``target`` does not exist then.
    """
    if target.exists():
        raise _exists(target)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # private, whatever the umask is
        _copy(source, partial)
        # A link, not a rename: a rename would replace a file that was created in the meantime.
        os.link(partial, target)
    except FileExistsError as error:
        raise _exists(target) from error
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(
            f"the backup {str(target)!r} cannot be written: {error}",
            hint="check that its folder exists, that this process may write there, and that there is space",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _copy(source: Path, partial: Path) -> None:
    reader = open_read_only(source)
    try:
        writer = sqlite3.connect(partial)
        try:
            # All pages in one step: they are read in one transaction, which no writer has to wait for.
            reader.backup(writer, pages=-1)
            writer.execute("PRAGMA journal_mode=DELETE")
        finally:
            writer.close()
    finally:
        reader.close()
    with partial.open("rb") as file:
        os.fsync(file.fileno())


def _exists(target: Path) -> Conflict:
    return Conflict(
        f"the file {str(target)!r} already exists", hint="name another file: a backup never replaces a file"
    )
