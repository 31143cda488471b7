"""Segments: the parts of an address between its separators."""

from __future__ import annotations

import enum

import attrs

__all__ = ["Segment", "SegmentKind"]


class SegmentKind(enum.Enum):
    """The kind of a segment: docs/reference/points.md#grammar. The last three occur in templates only."""

    SPACE = "Space"
    BASE = "Base"
    VERSION = "Version"
    FS_ROOT = "FilesystemRootDir"
    DIR = "Dir"
    FILE = "File"
    WORKING = "Working"
    POP = "Pop"
    VAR = "Var"

    @property
    def is_filesystem(self) -> bool:
        """Whether the segment is after ``:/``: the root of a filesystem, a directory or a file."""
        return self in _FILESYSTEM


_FILESYSTEM = frozenset({SegmentKind.FS_ROOT, SegmentKind.DIR, SegmentKind.FILE})


@attrs.frozen
class Segment:
    """A segment of an address.

    Attributes:
        kind: the kind of segment.
        text: the segment as printed. The text of a directory ends with ``/``.
    """

    kind: SegmentKind
    text: str

    def __str__(self) -> str:
        return self.text
