"""Private files: readable only by their owner, and complete whenever they exist.

A file is written under a temporary name, flushed to the disk, and renamed in one step. A reader finds the old content
or the new one, never a part, and so does a machine that is started after a crash. A missing directory is created so
that only its owner can enter it.
"""

from __future__ import annotations

import os
import secrets
import shlex
import stat
from collections.abc import Callable
from pathlib import Path

from ..errors import ConfigError

__all__ = ["ensure_private_file", "make_private_directory", "read_private_file", "unusable", "write_private_file"]

_LONGEST = 4096
"""Maximum number of characters to read. Tokens and keys are shorter, but the file may be another one by mistake."""


def write_private_file(path: Path, text: str) -> None:
    """Writes a file with mode 0600, replacing an existing one. Raises OSError."""
    make_private_directory(path.parent)
    draft = _draft(path, text)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def ensure_private_file(path: Path, make: Callable[[], str]) -> str:
    """Returns the text of a file, which is created with the text from ``make`` when it is missing.

    When several processes create it at once, all of them return the text of the first. Raises OSError.
    """
    make_private_directory(path.parent)
    try:
        return read_private_file(path)
    except FileNotFoundError:
        pass
    draft = _draft(path, make() + "\n")
    try:
        os.link(draft, path)  # fails if another process was faster: both then use its text
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return read_private_file(path)


def read_private_file(path: Path) -> str:
    """Returns the text of a file without the white space around it.

    If other users can read the file, as with a copy, its mode is set to 0600, provided it belongs to this user. Raises
    OSError, and ConfigError for a file that another user could have written.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        found = os.fstat(file.fileno())
        _check_written_by_us(path, found)
        if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077 and found.st_uid == os.getuid():
            os.fchmod(file.fileno(), 0o600)
        return file.read(_LONGEST).strip()


def _check_written_by_us(path: Path, found: os.stat_result) -> None:
    """Raises ConfigError when another user may have written a private file: a token or key of their choice would admit
    them. Root may read everybody's files."""
    if not stat.S_ISREG(found.st_mode):
        return
    name = shlex.quote(str(path))
    if found.st_uid not in (0, os.geteuid()) and os.geteuid() != 0:
        raise ConfigError(
            f"the private file {str(path)!r} belongs to another user (number {found.st_uid})",
            hint=f"if you trust what is in it: sudo chown {os.geteuid()} {name}",
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(
            f"others can write the private file {str(path)!r} (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"if you trust what is in it: chmod 600 {name}; otherwise remove it, and the next start makes another",
        )


def make_private_directory(path: Path) -> None:
    """Creates a directory and its missing parents, each with mode 0700. Raises OSError."""
    if not path.is_dir():
        make_private_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def unusable(path: Path, exc: OSError) -> ConfigError:
    """Returns the error for a file of the data directory that cannot be read or written."""
    return ConfigError(
        f"{str(path)!r} cannot be used: {exc.strerror or exc}",
        hint="choose a data directory that you may write to with --data-dir, or make room on its disk",
    )


def _draft(path: Path, text: str) -> Path:
    """Creates a file beside ``path`` with the text, and flushes it to the disk. Returns its path."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft
