"""Files of a data directory that only its owner may read: the owner's token, keys, and where a machine listens.

A file is there as a whole or not at all, and of two that make one at once the first wins.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..contracts.lane import Identity
from ..errors import ConfigError, Unauthorized

__all__ = ["TOKEN_VARIABLE", "digest", "ensure_identity", "ensure_token", "read_token", "write_private"]

TOKEN_VARIABLE = "HYPERVERSE_TOKEN"
"""Environment variable that a client takes its token from."""

_TOKEN_BYTES = 32
_LONGEST_TOKEN = 4096


def digest(token: str) -> str:
    """What the registry knows a token by: its SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def ensure_token(data_dir: Path) -> str:
    """The owner's token of ``DATA_DIR/token``, which is made when there is none. Raises ConfigError."""
    return _ensure(data_dir / "token", lambda: secrets.token_urlsafe(_TOKEN_BYTES))


def read_token(data_dir: Path, environ: Mapping[str, str] | None = None) -> str:
    """The token to knock with: of the variable ``HYPERVERSE_TOKEN``, else of ``DATA_DIR/token``, else empty.

    Raises:
        Unauthorized: the file is there and cannot be read.
    """
    given = (os.environ if environ is None else environ).get(TOKEN_VARIABLE, "").strip()
    if given:
        return given
    path = data_dir / "token"
    try:
        return _read(path)
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise Unauthorized(
            f"the token file {str(path)!r} cannot be read: {exc.strerror}",
            hint=f"it belongs to whoever started the machine; ask for a token and put it into {TOKEN_VARIABLE}",
        ) from exc


def ensure_identity(path: Path, make: Callable[[], Identity]) -> Identity:
    """The key pair in the file ``path``; made with ``make`` when there is none. Raises ConfigError."""

    def text() -> str:
        made = make()
        return json.dumps({"public": made.public, "secret": made.secret})

    try:
        found = json.loads(_ensure(path, text))
        path.parent.chmod(0o700)
        return Identity(found["public"], found["secret"])
    except OSError as exc:
        raise _unusable(path, exc) from exc
    except (ValueError, KeyError, TypeError):
        raise ConfigError(  # without its cause, which would quote the file
            f"the key file {str(path)!r} is damaged", hint="remove it: a new key is made at the next start"
        ) from None


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file that only its owner may read, replacing what was there. Raises ConfigError."""
    try:
        _make_directory(path.parent)
        draft = _draft(path, json.dumps(content, indent=1) + "\n")
        draft.replace(path)
    except OSError as exc:
        raise _unusable(path, exc) from exc


def _ensure(path: Path, make: Callable[[], str]) -> str:
    try:
        _make_directory(path.parent)
        try:
            return _read(path)
        except FileNotFoundError:
            pass
        draft = _draft(path, make() + "\n")
        try:
            os.link(draft, path)  # fails when somebody else was faster, so theirs counts for both
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return _read(path)
    except OSError as exc:
        raise _unusable(path, exc) from exc


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISREG(mode) and mode & 0o077 and os.fstat(file.fileno()).st_uid == os.getuid():
            os.fchmod(file.fileno(), 0o600)  # a copy may have opened it to others
        return file.read(_LONGEST_TOKEN).strip()


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _make_directory(path: Path) -> None:
    """Makes it and what is missing above it, for the owner alone."""
    if not path.is_dir():
        _make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def _unusable(path: Path, exc: OSError) -> ConfigError:
    return ConfigError(
        f"{str(path)!r} cannot be used: {exc.strerror or exc}",
        hint="choose a data directory that you may write to with --data-dir, or make room on its disk",
    )
