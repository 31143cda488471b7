"""Replaces the registry with a backup while no machine has it open."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from hyperverse_core.errors import BadRequest, Conflict, NotFound, Unavailable

__all__ = ["KEPT", "restore"]

KEPT = ".before-restore"
"""Suffix of the name under which the replaced registry is kept."""


def restore(backup: Path, target: Path) -> Path | None:
    """Replaces the registry with a copy of a backup. The backup is not changed.

    Args:
        backup: file written by `hyperverse registry backup`.
        target: file of the registry. It need not exist.

    Returns:
        Path of the previous registry, which is kept; None when there was none.

    Raises:
        NotFound: the backup does not exist.
        BadRequest: the backup is not a registry, is damaged, or is the registry itself.
        Conflict: a machine has the registry open.
        Unavailable: a file cannot be written.
    """
    if not backup.is_file():
        raise NotFound(f"there is no file {str(backup)!r}")
    if target.exists() and target.samefile(backup):
        raise BadRequest(f"{str(backup)!r} is the registry itself", hint="name the file of a backup")
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy(backup, draft)
        _check(backup, draft)
        kept = _set_aside(target) if target.exists() else None
        _close_wal(draft)
        draft.replace(target)
        return kept
    except OSError as exc:
        raise Unavailable(f"{str(target)!r} cannot be written: {exc.strerror or exc}") from exc
    finally:
        for path in (draft, *_beside(draft)):
            path.unlink(missing_ok=True)


def _copy(backup: Path, draft: Path) -> None:
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        source = sqlite3.connect(f"{backup.absolute().as_uri()}?mode=ro", uri=True)
        with closing(source), closing(sqlite3.connect(draft)) as copy:
            source.backup(copy)
            names = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error as exc:
        raise BadRequest(f"{str(backup)!r} is not a backup of a registry: {exc}") from exc
    if not {"particles", "stars"} <= names:
        raise BadRequest(f"{str(backup)!r} is not a backup of a registry: it has other tables")


def _check(backup: Path, draft: Path) -> None:
    from .registry import SqlRegistry  # imported here, so that `--help` does not wait for SQLAlchemy

    async def check() -> list[str]:
        async with SqlRegistry({"path": str(draft), "create": False}) as opened:
            return await opened.check()

    faults = asyncio.run(check())
    if faults:
        raise BadRequest(f"{str(backup)!r} is damaged: {faults[0]}", hint="choose another backup")


def _set_aside(target: Path) -> Path:
    """Renames the registry if no machine has it open. Raises Conflict."""
    _close_wal(target)
    kept = target.with_name(target.name + KEPT)
    target.replace(kept)
    for path in _beside(target):
        path.unlink(missing_ok=True)
    return kept


def _close_wal(path: Path) -> None:
    """Moves everything into the one file. SQLite refuses that while another connection is open. Raises Conflict."""
    try:
        with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            if mode == "delete":
                return
            why = f"its journal stays in the mode {mode!r}"
    except sqlite3.OperationalError as exc:
        why = str(exc)
    except sqlite3.DatabaseError:  # it is damaged, which may be the reason for restoring
        return
    raise Conflict(
        f"the registry {str(path)!r} is in use: {why}", hint="stop its machines first, with `hyperverse down`"
    )


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in ("-wal", "-shm", "-journal")]
