"""Reads zip files; the entries are checked before anything is unpacked."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from hyperverse_core.errors import BadRequest

from .manifest import Budget
from .names import check_paths

__all__ = ["is_zip", "zip_files"]

_PIECE = 1024 * 1024


def is_zip(content: bytes) -> bool:
    """Whether content looks like a zip file, even an empty one."""
    return content[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def zip_files(content: bytes | IO[bytes], budget: Budget) -> Iterator[tuple[str, bytes]]:
    """Yields the path and the content of each file. It blocks.

    Args:
        content: the zip file.
        budget: its limits. They are compared with the sizes in the entries before anything is unpacked, and an entry
            that unpacks to more than its declared size is refused.

    Raises:
        BadRequest: it is not a zip file, it is damaged or encrypted, or an entry is a link or its name is not allowed.
        TooLarge: its content exceeds ``budget``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content) if isinstance(content, bytes) else content) as archive:
            entries = _checked(archive, budget)
            for entry in entries:
                yield entry.orig_filename, _content(archive, entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as exc:
        raise BadRequest(f"the zip file cannot be read: {exc}", hint="make it again, or publish the folder") from exc


def _checked(archive: zipfile.ZipFile, budget: Budget) -> list[zipfile.ZipInfo]:
    entries = [entry for entry in archive.infolist() if not _is_folder(entry)]
    budget.check(len(entries), sum(entry.file_size for entry in entries))
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind and not stat.S_ISREG(kind):
            what = "a link" if stat.S_ISLNK(kind) else "not a regular file"
            raise BadRequest(f"the file {entry.orig_filename!r} is {what}", hint="a bundle contains regular files only")
        if entry.flag_bits & 0x1:
            raise BadRequest(f"the file {entry.orig_filename!r} is encrypted", hint="zip it without a password")
    check_paths(entry.orig_filename for entry in entries)
    return entries


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a folder. Its name is checked like that of a file."""
    if not entry.orig_filename.endswith("/"):
        return False
    check_paths([entry.orig_filename.rstrip("/")])
    return True


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    parts, size = [], 0
    with archive.open(entry) as file:
        while part := file.read(_PIECE):
            parts.append(part)
            size += len(part)
            if size > entry.file_size:
                raise zipfile.BadZipFile(f"{entry.orig_filename!r} unpacks to more bytes than its entry says")
    return b"".join(parts)
