"""The keys that a machine encrypts secret properties with: a file in the data directory, outside of the registry.

The first key encrypts, all of them decrypt. Machines of one data directory share the file; a machine with its own data
directory and the same registry needs a copy of it. See docs/reference/kinds.md#secrets.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from pathlib import Path
from typing import Final

import attrs
from filelock import FileLock

from ..errors import ConfigError
from .private_file import ensure_private_file, read_private_file, unusable, write_private_file

__all__ = ["SealingKeys", "key_id"]

_KEPT: Final = 2
"""Keys to keep once all values are encrypted with the first one: a machine may have started to write with the previous
key just when it was replaced."""
_MOST: Final = 40
"""Most keys that fit into a private file; this many accumulate only if no rotation is ever completed."""


def key_id(key: str) -> str:
    """Returns the id by which values name the key that they were encrypted with; it reveals nothing about the key."""
    return hashlib.sha256(b"hyperverse sealing key " + key.encode()).hexdigest()[:8]


@attrs.frozen
class _Ring:
    """The content of the file.

    Attributes:
        keys: the keys, the newest first.
        converted: whether the values that an older release wrote in clear text have been encrypted.
    """

    keys: tuple[str, ...]
    converted: bool = False

    def text(self) -> str:
        return json.dumps({"keys": self.keys, "converted": self.converted})


class SealingKeys:
    """The file ``DATA_DIR/keys/properties.key``, which is created when the first secret is written.

    All methods raise ConfigError when the file is damaged, is accessible to others, or cannot be used.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "keys" / "properties.key"
        self._ring = _Ring(())
        self._seen: tuple[int, int] | None = None

    def __repr__(self) -> str:
        return f"SealingKeys({str(self.path)!r})"

    @property
    def newest(self) -> str:
        """Returns the key to encrypt with; it is created when there is none."""
        ring = self._read()
        return ring.keys[0] if ring.keys else self._make().keys[0]

    def known(self) -> dict[str, str]:
        """Returns the keys by their ids, the newest first."""
        return {key_id(key): key for key in self._read().keys}

    @property
    def converted(self) -> bool:
        """Whether the values that an older release wrote in clear text have been encrypted."""
        return self._read().converted

    def add(self) -> str:
        """Creates a new key, which is used for encryption from now on. Returns its id. Raises ConfigError when there
        are too many keys, because rotations were never completed."""
        with self._lock():
            before = self._read()
            if len(before.keys) >= _MOST:
                raise ConfigError(
                    f"there are {len(before.keys)} keys in {str(self.path)!r}",
                    hint="find out in the log of the machine why its rotations do not end",
                )
            made = _new_key()
            self._write(_Ring((made, *before.keys), before.converted))
        return key_id(made)

    def complete(self, newest: str) -> None:
        """Removes older keys except the last, once all values are encrypted with the key whose id is ``newest``."""
        with self._lock():
            before = self._read()
            if not before.keys or key_id(before.keys[0]) != newest:
                return  # another key was created meanwhile; its rotation completes later
            self._write(_Ring(before.keys[:_KEPT], converted=True))

    def _make(self) -> _Ring:
        try:
            ensure_private_file(self.path, lambda: _Ring((_new_key(),)).text())
        except OSError as exc:
            raise unusable(self.path, exc) from exc
        return self._read()

    def _read(self) -> _Ring:
        try:
            found = self.path.stat()
            now = (found.st_mtime_ns, found.st_ino)
            if now != self._seen:
                self._ring, self._seen = self._parsed(read_private_file(self.path)), now
        except FileNotFoundError:
            self._ring, self._seen = _Ring(()), None
        except OSError as exc:
            raise unusable(self.path, exc) from exc
        return self._ring

    def _parsed(self, text: str) -> _Ring:
        try:
            found = json.loads(text)
            keys = tuple(found["keys"])
            if not keys or any(len(base64.urlsafe_b64decode(key)) != 32 for key in keys):
                raise ValueError("no keys")
            return _Ring(keys, bool(found["converted"]))
        except (ValueError, KeyError, TypeError):
            raise ConfigError(  # without its cause, which would quote the file
                f"the key file {str(self.path)!r} is damaged",
                hint="put a copy of it back; without it, the secret properties in the registry cannot be read",
            ) from None

    def _write(self, ring: _Ring) -> None:
        try:
            write_private_file(self.path, ring.text() + "\n")
        except OSError as exc:
            raise unusable(self.path, exc) from exc

    def _lock(self) -> FileLock:
        self._make()  # creates the directory too
        return FileLock(self.path.with_name("properties.lock"), mode=0o600)


def _new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
