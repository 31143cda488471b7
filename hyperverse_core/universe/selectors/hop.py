"""Hops: the steps of a selector."""

from __future__ import annotations

import enum

import attrs

from ..kinds.kind_selector import ANY_KIND, KindSelector
from ..text.version import VersionReq

__all__ = ["Hop", "HopKind"]


class HopKind(enum.Enum):
    """What a hop accepts."""

    EXACT = "Exact"
    """One segment of that text."""
    ANY = "Any"
    """One segment, whatever its text."""
    RECURSIVE = "Recursive"
    """One segment or more."""
    VERSION = "Version"
    """One segment that is a version and meets the requirement."""


@attrs.frozen
class Hop:
    """One step of a selector.

    Attributes:
        kind: what it accepts.
        text: the segment's text for an exact hop, with the ``/`` of a directory; empty otherwise.
        kinds: which Kinds it accepts. For ``**`` it is asked of the last segment that ``**`` takes.
        inclusive: whether a path that ends here matches although hops remain (``+``).
        version: what a version hop asks for.
        is_dir: whether it takes directories only (``*/``, ``**/``, ``name/``).
        in_filesystem: whether it stands behind ``:/``.
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
        """Whether it takes one text only."""
        return self.kind is HopKind.EXACT

    @property
    def is_recursive(self) -> bool:
        """Whether it takes more than one segment."""
        return self.kind is HopKind.RECURSIVE

    @property
    def is_fs_root(self) -> bool:
        """Whether it is the ``/`` behind ``:``."""
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
