"""AuditWriter: appends lines to an audit log, and starts a new file when one is full or old."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ...errors import ConfigError
from ..private_file import make_private_directory
from .chain import CUT, START, Head, HeadFile, Line, audit_key, chained, parse_line
from .files import AuditPlace, file_number

__all__ = ["AuditWriter", "Rotation"]


@attrs.frozen
class Rotation:
    """When to start a new file, and how many files to keep.

    Attributes:
        size: size of a full file in bytes.
        age: seconds after which a file is old.
        keep: number of full files to keep; 0 for all.
    """

    size: int = 10 * 1024 * 1024
    age: float = 7 * 86400.0
    keep: int = 100


class AuditWriter:
    """Appends to one log. It opens the files for the first line, and again after each failure.

    Args:
        place: where the log is.
        rotation: when to start a new file.
        clock: returns the time in seconds since 1970.
    """

    def __init__(self, place: AuditPlace, rotation: Rotation, clock: Callable[[], float] = time.time) -> None:
        self.place = place
        self._rotation = rotation
        self._clock = clock
        self._key = b""
        self._head_file: HeadFile | None = None
        self._head = Head()
        self._descriptor = -1
        self._number = 0
        self._size = 0
        self._since = 0.0

    def append(self, row: Mapping[str, Any]) -> None:
        """Writes one line. Raises OSError, and ConfigError when another user could have written the key."""
        try:
            if self._descriptor < 0:
                self._open()
            elif self._size >= self._rotation.size or self._clock() - self._since >= self._rotation.age:
                self._begin(self._number + 1)
            self._write(row)
        except (OSError, ConfigError):
            self.close()
            raise

    def close(self) -> None:
        """Closes the files. May be called twice; the next line opens them again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._head_file is not None:
            self._head_file.close()
            self._head_file = None

    # -- inside -------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Opens the log at its end."""
        make_private_directory(self.place.directory)
        self._key = audit_key(self.place.key)
        self._head_file = HeadFile(self.place.head, self._key)
        read = self._head_file.read()
        known = read or Head()
        files = self.place.files()
        if not files:
            self._head = known
            self._begin(known.first if known.number == 0 else known.first + 1)
            if known.number:
                self._write({"event": CUT, "why": f"lines up to {known.number} were gone when the log was opened"})
            return
        last = _last_line(files[-1])
        self._descriptor = os.open(files[-1], os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._number, self._size = file_number(files[-1]), os.fstat(self._descriptor).st_size
        self._since = self._clock()
        written = last.number if last is not None else 0
        # Lines that the head counts but the files lack were cut off: the numbers continue, so that the gap is visible.
        self._head = Head(max(written, known.number), last.mac if last is not None else START, known.first)
        self._drop_half_a_line(files[-1])
        if read is None or written < known.number or file_number(files[0]) != known.first:
            self._write({"event": CUT, "why": "lines, files or the head were gone when the log was opened"})

    def _drop_half_a_line(self, path: Path) -> None:
        """Removes part of a line that a killed machine or a full disk may have left."""
        whole = path.read_bytes().rfind(b"\n") + 1
        if whole != self._size:
            os.ftruncate(self._descriptor, whole)
            self._size = whole

    def _begin(self, number: int) -> None:
        """Starts a file. Its first line has the hash of the line before it, so that older files can be removed."""
        path = self.place.file(number)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._number, self._size = descriptor, number, 0
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._since = self._clock()
        self._make_room()
        self._write({"event": "file", "prev": self._head.mac})

    def _make_room(self) -> None:
        """Removes the oldest files."""
        files = self.place.files()
        surplus = len(files) - 1 - self._rotation.keep if self._rotation.keep else 0
        for path in files[: max(0, surplus)]:
            path.unlink(missing_ok=True)
        first = file_number(files[max(0, surplus)]) if files else self._number
        self._head = attrs.evolve(self._head, first=first)

    def _write(self, row: Mapping[str, Any]) -> None:
        number = self._head.number + 1
        line, mac = chained(self._key, self._head.mac, {"n": number, "time": _time(self._clock()), **row})
        written = (line + "\n").encode("ascii")
        if os.write(self._descriptor, written) != len(written):
            os.ftruncate(self._descriptor, self._size)
            raise OSError(28, "there is no room for a whole line")
        self._size += len(written)
        self._head = Head(number, mac, self._head.first)
        if self._head_file is not None:
            self._head_file.write(self._head)


def _time(seconds: float) -> str:
    whole = int(seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((seconds - whole) * 1000):03d}Z"


def _last_line(path: Path) -> Line | None:
    """Returns the last complete line of a file; None when there is none, or it is damaged."""
    *lines, _ = path.read_bytes().decode("utf-8", "replace").split("\n")
    return parse_line(lines[-1]) if lines else None
