"""The chain of an audit log: each line carries a keyed hash of itself and of the line before it.

Without the key nobody can change a line, remove one from the middle, or add one. The head, which is stored beside the
key, records where the log ends, so lines at the end cannot be cut off either.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from ..private_file import ensure_private_file

__all__ = ["CUT", "START", "Head", "HeadFile", "Line", "audit_key", "chained", "parse_line"]

START: Final = "0" * 64
"""The hash that the very first line is chained to."""
CUT: Final = "cut"
"""The event of a line that reports missing older lines. It stays in the log, so that the gap remains visible."""
_END: Final = re.compile(r',"mac":"([0-9a-f]{64})"\}\Z')
_HEAD_BYTES: Final = 256


def audit_key(path: Path) -> bytes:
    """Returns the key in a file, which is created when it is missing. Raises OSError, and ConfigError when another user
    could have written it."""
    return ensure_private_file(path, lambda: secrets.token_hex(32)).encode()


def chained(key: bytes, before: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """Returns the line for ``row`` without a line end, and its hash.

    The line is ASCII-only JSON: data from outside can neither start a new line nor send control characters to a
    terminal.

    Args:
        key: key of the log.
        before: hash of the line before it.
        row: the values.
    """
    body = json.dumps(row, ensure_ascii=True, separators=(",", ":"))
    mac = _mac(key, before, body)
    return f'{body[:-1]},"mac":"{mac}"}}', mac


@attrs.frozen
class Line:
    """A line of the log.

    Attributes:
        body: its text without the hash.
        mac: its hash.
        row: its values.
    """

    body: str
    mac: str
    row: Mapping[str, Any]

    @property
    def number(self) -> int:
        """The line's number in the log; 0 when it has none."""
        number = self.row.get("n")
        return number if type(number) is int else 0

    def follows(self, key: bytes, before: str) -> bool:
        """Returns whether it was written with the key, after the line with the hash ``before``."""
        return hmac.compare_digest(self.mac, _mac(key, before, self.body))


def parse_line(text: str) -> Line | None:
    """Returns the line that a text represents; None when it is not a line of a log."""
    found = _END.search(text)
    if found is None:
        return None
    body = text[: found.start()] + "}"
    try:
        row = json.loads(body)
    except ValueError:
        return None
    return Line(body, found.group(1), row) if isinstance(row, dict) else None


@attrs.frozen
class Head:
    """Where a log ends, and where it begins.

    Attributes:
        number: number of its last line; 0 for an empty log.
        mac: hash of its last line.
        first: number of its oldest file.
    """

    number: int = 0
    mac: str = START
    first: int = 1


class HeadFile:
    """The file with the head of a log. It is overwritten in place: a crash leaves the old head or the new one.

    Args:
        path: the file.
        key: key of the log.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._key = key
        self._descriptor = -1

    def read(self) -> Head | None:
        """Returns the head; None when there is no file, or it was not written with the key. Raises OSError."""
        try:
            text = self.path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        line = parse_line(text)
        if line is None or not line.follows(self._key, START):
            return None
        number, mac, first = line.row.get("n"), line.row.get("last"), line.row.get("first")
        if type(number) is int and isinstance(mac, str) and type(first) is int:
            return Head(number, mac, first)
        return None

    def write(self, head: Head) -> None:
        """Writes the head. Raises OSError."""
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        row = {"n": head.number, "last": head.mac, "first": head.first}
        line, _ = chained(self._key, START, row)
        os.pwrite(self._descriptor, line.ljust(_HEAD_BYTES - 1).encode() + b"\n", 0)

    def close(self) -> None:
        """Closes the file. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _mac(key: bytes, before: str, body: str) -> str:
    return hmac.new(key, f"{before}\n{body}".encode(), hashlib.sha256).hexdigest()
