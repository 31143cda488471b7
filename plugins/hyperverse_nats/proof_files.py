"""The files with which a machine proves its identity to a server. They are checked before nats-py reads them, because
its errors say little about what is wrong. Their content is never quoted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import nkeys

from hyperverse_core.errors import ConfigError

__all__ = ["check_credentials", "check_nkey"]

_JWT: Final = b"-----BEGIN NATS USER JWT-----"
_SEED: Final = b"-----BEGIN USER NKEY SEED-----"


def check_credentials(path: str) -> None:
    """Checks a credentials file.

    Args:
        path: path of the file.

    Raises:
        ConfigError: the file cannot be read, or does not have both parts of a credentials file.
    """
    lines = [line.strip() for line in _read(path, "credentials").splitlines()]
    parts = [lines[lines.index(begin) + 1 :][:1] if begin in lines else [] for begin in (_JWT, _SEED)]
    if not (parts[0] and parts[0][0].count(b".") == 2) or not (parts[1] and _is_user_seed(parts[1][0])):
        raise ConfigError(
            f"credentials = {path!r}: the file is not a credentials file: it must have a user's JWT and the seed of "
            "its nkey",
            hint="make one with `nsc generate creds`, or ask the operator of the NATS server for one",
        )


def check_nkey(path: str) -> None:
    """Checks a file with the seed of an nkey.

    Args:
        path: path of the file.

    Raises:
        ConfigError: the file cannot be read, or has no seed of a user.
    """
    if not _is_user_seed(_read(path, "nkey").strip()):
        raise ConfigError(
            f"nkey = {path!r}: the file must have the seed of a user's nkey, and nothing else",
            hint="a seed begins with SU; `nk -gen user` makes one",
        )


def _read(path: str, setting: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as exc:
        raise ConfigError(f"{setting} = {path!r}: cannot be read: {exc.strerror}") from exc


def _is_user_seed(seed: bytes) -> bool:
    try:
        pair = nkeys.from_seed(bytearray(seed))
        return bool(pair.public_key.startswith(b"U"))
    except (nkeys.NkeysError, ValueError, TypeError):  # a text that is not base32 raises one of the latter
        return False
