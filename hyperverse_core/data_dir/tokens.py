"""The owner's token: whoever can read its file is the hyperuser."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from ..errors import Unauthorized
from .private_file import ensure_private_file, read_private_file, unusable

__all__ = ["TOKEN_VARIABLE", "ensure_token", "read_token"]

TOKEN_VARIABLE = "HYPERVERSE_TOKEN"
"""Environment variable from which a client takes its token."""

_TOKEN_BYTES = 32


def ensure_token(data_dir: Path) -> str:
    """Returns the owner's token from ``DATA_DIR/token``, which is created when it is missing. Raises ConfigError."""
    path = data_dir / "token"
    try:
        return ensure_private_file(path, lambda: secrets.token_urlsafe(_TOKEN_BYTES))
    except OSError as exc:
        raise unusable(path, exc) from exc


def read_token(data_dir: Path, environ: Mapping[str, str] | None = None) -> str:
    """Returns the token that a client shows: from the variable ``HYPERVERSE_TOKEN``, else from ``DATA_DIR/token``,
    else the empty text.

    Args:
        environ: variables; those of the process when None.

    Raises:
        Unauthorized: the file is there and cannot be read.
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
