"""Reads audit logs, and checks that nothing in them was changed or removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from ...errors import NotFound
from ..private_file import read_private_file
from .chain import CUT, START, HeadFile, parse_line
from .files import AuditPlace, file_number

__all__ = ["LogCheck", "places_in", "rows_of", "verify"]


@attrs.frozen
class LogCheck:
    """The result of a check.

    Attributes:
        lines: number of lines that are unchanged.
        files: number of files.
        faults: what is wrong, each with the file and the line; empty for an intact log.
    """

    lines: int
    files: int
    faults: tuple[str, ...]


def places_in(data_dir: Path, directory: Path | None = None) -> dict[str, AuditPlace]:
    """Returns the logs of a data directory by machine name, including those whose files are gone."""
    logs = directory or data_dir / "audit"
    names = {path.name for path in logs.iterdir() if path.is_dir()} if logs.is_dir() else set()
    names |= {path.stem for path in (data_dir / "keys" / "audit").glob("*.head")}
    return {name: AuditPlace.of(data_dir, name, directory) for name in sorted(names)}


def rows_of(place: AuditPlace) -> Iterator[dict[str, Any]]:
    """Yields the lines as maps, the oldest first, without their hashes; text that is not a line is skipped."""
    for path in place.files():
        with path.open(encoding="utf-8", errors="replace") as stream:
            for text in stream:
                line = parse_line(text.rstrip("\n"))
                if line is not None and line.row.get("event") != "file":
                    yield dict(line.row)


def verify(place: AuditPlace) -> LogCheck:
    """Checks a log: each line is unchanged and in its place, and none is missing. Raises NotFound when the key is gone,
    and OSError."""
    try:
        key = read_private_file(place.key).encode()
    except FileNotFoundError:
        raise NotFound(
            f"the key {str(place.key)!r} is gone, so nothing can be checked",
            hint="put it back from a backup",
        ) from None
    head = HeadFile(place.head, key).read()
    check = _Check(key)
    files = place.files()
    for path in files:
        check.file(path)
    if head is None:
        check.faults.append(f"{place.head}: the head is gone or was changed, so nobody knows where the log ends")
    else:
        if files and file_number(files[0]) != head.first:
            check.faults.append(f"{place.directory}: the oldest file is to be number {head.first}, not {files[0].name}")
        if check.last < head.number:
            check.faults.append(f"{place.directory}: lines {check.last + 1} to {head.number} were cut off at the end")
    return LogCheck(check.whole, len(files), tuple(check.faults))


@attrs.define
class _Check:
    """Checks a log line by line.

    Attributes:
        key: key of the log.
        before: hash of the previous line; empty at the start of the oldest file.
        last: number of the last line.
        whole: number of valid lines.
        faults: what is wrong.
    """

    key: bytes
    before: str = ""
    last: int = 0
    whole: int = 0
    faults: list[str] = attrs.field(factory=list)

    def file(self, path: Path) -> None:
        """Checks a file. After a fault it continues from the line that it found."""
        with path.open(encoding="utf-8", errors="replace") as stream:
            for at, text in enumerate(stream, start=1):
                self._line(f"{path}:{at}", text)

    def _line(self, where: str, text: str) -> None:
        line = parse_line(text[:-1]) if text.endswith("\n") else None
        if line is None:
            self.faults.append(f"{where}: this is not a line of the log")
            return
        if not self.before:  # older files may be gone: a first line has the last hash of the previous file
            prev = line.row.get("prev")
            self.before = prev if isinstance(prev, str) else START
            self.last = line.number - 1
        if line.number != self.last + 1:
            self.faults.append(f"{where}: line {self.last + 1} is to stand here, and it is line {line.number}")
        elif not line.follows(self.key, self.before):
            self.faults.append(f"{where}: line {line.number} was changed, or the one before it")
        elif line.row.get("event") == CUT:
            self.faults.append(f"{where}: {line.row.get('why')}")
        else:
            self.whole += 1
        self.before, self.last = line.mac, line.number
