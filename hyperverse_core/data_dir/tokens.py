"""The owner's token: anyone who can read its file is the hyperuser."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from ..errors import Unauthorized
from .private_file import ensure_private_file, read_private_file, unusable, write_private_file

__all__ = [
    "TOKEN_VARIABLE",
    "ensure_token",
    "forget_token",
    "keep_token",
    "owner_token",
    "read_kept_token",
    "read_token",
    "replace_owner_token",
]

TOKEN_VARIABLE = "HYPERVERSE_TOKEN"
"""Environment variable that a client takes its token from."""

_TOKEN_BYTES = 32


def ensure_token(data_dir: Path) -> str:
    """Returns the owner's token from ``DATA_DIR/token``, which is created when it is missing. Raises ConfigError."""
    path = data_dir / "token"
    try:
        return ensure_private_file(path, lambda: secrets.token_urlsafe(_TOKEN_BYTES))
    except OSError as exc:
        raise unusable(path, exc) from exc


def owner_token(data_dir: Path) -> str:
    """Returns the token in ``DATA_DIR/token``; an empty string when there is none, or when it cannot be read."""
    try:
        return read_private_file(data_dir / "token")
    except OSError:
        return ""


def replace_owner_token(data_dir: Path, token: str) -> None:
    """Replaces the token in ``DATA_DIR/token``. Raises ConfigError."""
    path = data_dir / "token"
    try:
        write_private_file(path, token + "\n")
    except OSError as exc:
        raise unusable(path, exc) from exc


def read_token(data_dir: Path, environ: Mapping[str, str] | None = None) -> str:
    """Returns the token that a client shows: from the variable ``HYPERVERSE_TOKEN``, or else from ``DATA_DIR/token``,
    or else an empty string.

    Args:
        environ: environment variables; those of the process when None.

    Raises:
        Unauthorized: the file exists but cannot be read.
    """
    given = (os.environ if environ is None else environ).get(TOKEN_VARIABLE, "").strip()
    if given:
        return given
    path = data_dir / "token"
    try:
        return read_private_file(path)
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise Unauthorized(
            f"the token file {str(path)!r} cannot be read: {exc.strerror}",
            hint=f"only the user who started the machine can read it; ask them for a token and set {TOKEN_VARIABLE}",
        ) from exc


def read_kept_token(server_key: str, folder: Path) -> str:
    """Returns the token that was saved for the machines that prove ``server_key``; an empty string when there is none.

    Args:
        folder: the user's configuration folder.
    """
    if not server_key:
        return ""
    try:
        return read_private_file(_kept(server_key, folder))
    except OSError:
        return ""


def keep_token(server_key: str, folder: Path, token: str) -> None:
    """Saves ``token`` for the machines that prove ``server_key``, replacing the previous one. Raises ConfigError."""
    path = _kept(server_key, folder)
    try:
        write_private_file(path, token + "\n")
    except OSError as exc:
        raise unusable(path, exc) from exc


def forget_token(server_key: str, folder: Path) -> bool:
    """Deletes a token that :func:`keep_token` saved. Returns whether there was one."""
    path = _kept(server_key, folder)
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def _kept(server_key: str, folder: Path) -> Path:
    return folder / "logins" / hashlib.sha256(server_key.encode()).hexdigest()[:32]
