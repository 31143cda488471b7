"""Segments: the steps of an address."""

from __future__ import annotations

import enum

import attrs

__all__ = ["Segment", "SegmentKind"]


class SegmentKind(enum.Enum):
    """What a segment is (universe 1.3). The last three stand in templates only."""

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
        """Whether it stands behind ``:/``."""
        return self in _FILESYSTEM


_FILESYSTEM = frozenset({SegmentKind.FS_ROOT, SegmentKind.DIR, SegmentKind.FILE})


@attrs.frozen
class Segment:
    """One step of an address.

    Attributes:
        kind: which sort of step.
        text: as printed; a directory's ends with its ``/``.
    """

    kind: SegmentKind
    text: str

    def __str__(self) -> str:
        return self.text
