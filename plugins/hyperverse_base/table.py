"""Which standard Kinds are served here, where they may live, and under what (universe 2.1, 2.4).

Mechtron, Bundle and Artifact are missing: they behave, and come with plugins of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

__all__ = ["ANY", "NOWHERE", "TABLE", "Row"]

ANY = ("*",)
NOWHERE: tuple[str, ...] = ()


@attrs.frozen
class Row:
    """What is said of one Kind.

    Attributes:
        stars: star kinds that may host its particles; None for every one that takes particles.
        parents: which Kinds it may be created under; none when the platform makes its particles itself.
        children: which Kinds may be created under it.
    """

    stars: frozenset[str] | None
    parents: tuple[str, ...] = ANY
    children: tuple[str, ...] = ANY


def _on(*stars: str) -> frozenset[str]:
    return frozenset(stars)


TABLE: Mapping[str, Row] = MappingProxyType(
    {
        "Root": Row(_on("Central"), parents=NOWHERE, children=("Space",)),
        "Space": Row(_on("Super"), parents=("Root",)),
        "Base": Row(_on("Super")),
        "UserBase": Row(_on("Fold"), children=("User",)),
        "User": Row(_on("Fold"), parents=("UserBase",)),
        "App": Row(_on("Maelstrom")),
        "FileSystem": Row(_on("Fold"), children=("File",)),
        "File": Row(_on("Fold"), parents=("FileSystem", "File<Dir>"), children=("File",)),
        "Database": Row(_on("Fold")),
        "Repo": Row(_on("Scribe"), children=("BundleSeries",)),
        "BundleSeries": Row(_on("Scribe"), parents=("Repo",), children=("Bundle",)),
        "Portal": Row(_on("Jump")),
        # The platform makes these itself: nobody creates them, and nothing is created under them.
        "Global": Row(_on("Central"), NOWHERE, NOWHERE),
        "Control": Row(_on("Jump", "Machine"), NOWHERE, NOWHERE),
        "Star": Row(None, NOWHERE, NOWHERE),
        "Driver": Row(None, NOWHERE, NOWHERE),
    }
)
