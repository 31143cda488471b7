"""Hops: the parts of a selector. docs/reference/selectors.md#what-matches."""

from __future__ import annotations

import enum

import attrs

from ..kinds.kind_selector import ANY_KIND, KindSelector
from ..text.version import VersionReq

__all__ = ["Hop", "HopKind"]


class HopKind(enum.Enum):
    """What a hop matches."""

    EXACT = "Exact"
    """One segment with a certain text."""
    ANY = "Any"
    """One segment with any text: ``*``."""
    RECURSIVE = "Recursive"
    """One segment or more: ``**``."""
    VERSION = "Version"
    """One segment that is a version and satisfies a requirement."""


@attrs.frozen
class Hop:
    """A part of a selector, between two separators.

    Attributes:
        kind: what it takes.
        text: the text of the segment, with the ``/`` of a directory, for an exact hop; empty for others.
        kinds: the Kinds that the segment may have. For ``**``, the last segment that it takes.
        inclusive: whether a point that ends here matches although hops remain (``+``).
        version: the requirement of a version hop; None for others.
        is_dir: whether it takes directories only (``*/``, ``**/``, ``name/``).
        in_filesystem: whether it is after ``:/``.
    """

    kind: HopKind
    text: str = ""
    kinds: KindSelector = ANY_KIND
    inclusive: bool = False
    version: VersionReq | None = None
    is_dir: bool = False
    in_filesystem: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether it takes a segment with a certain text only."""
        return self.kind is HopKind.EXACT

    @property
    def is_recursive(self) -> bool:
        """Whether it may take more than one segment."""
        return self.kind is HopKind.RECURSIVE

    @property
    def is_fs_root(self) -> bool:
        """Whether it takes the root of a filesystem: the ``/`` after ``:``."""
        return self.in_filesystem and self.text == "/"

    def __str__(self) -> str:
        match self.kind:
            case HopKind.EXACT:
                what = self.text
            case HopKind.VERSION:
                what = f"({self.version})"
            case _:
                what = ("*" if self.kind is HopKind.ANY else "**") + ("/" if self.is_dir else "")
        kinds = "" if self.kinds.is_any else str(self.kinds)
        return f"{what}{kinds}{'+' if self.inclusive else ''}"
