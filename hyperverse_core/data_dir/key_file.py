"""A key pair that is stored in a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ..contracts.lane import Identity
from ..errors import ConfigError
from .private_file import ensure_private_file, unusable, write_private_file

__all__ = ["ensure_identity", "replace_identity"]


def ensure_identity(path: Path, make: Callable[[], Identity]) -> Identity:
    """Returns the key pair in the file ``path``, which is created with a pair from ``make`` when it is missing.

    Raises:
        ConfigError: the file is damaged, or cannot be read or written.
    """

    try:
        found = json.loads(ensure_private_file(path, lambda: _text(make())))
        path.parent.chmod(0o700)
        return Identity(found["public"], found["secret"])
    except OSError as exc:
        raise unusable(path, exc) from exc
    except (ValueError, KeyError, TypeError):
        raise ConfigError(  # without its cause, which would quote the file
            f"the key file {str(path)!r} is damaged", hint="remove it; the next start creates a new key"
        ) from None


def replace_identity(path: Path, identity: Identity) -> None:
    """Replaces the key pair in the file ``path``. Raises ConfigError."""
    try:
        write_private_file(path, _text(identity) + "\n")
    except OSError as exc:
        raise unusable(path, exc) from exc


def _text(identity: Identity) -> str:
    return json.dumps({"public": identity.public, "secret": identity.secret})
