"""The standard Kinds that this plugin serves: on which stars they may live, and under which parents.

Mechtron, Bundle and Artifact are not among them: they have behaviour of their own, and come with other plugins.
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
    """The rules for one Kind.

    Attributes:
        stars: star kinds that may host its particles; None for all that host particles.
        parents: Kinds of the particles that it may be created under; none when the platform itself creates its
            particles.
        children: Kinds that may be created under its particles.
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
        # The platform itself creates these: nobody else can, and nothing can be created under them.
        "Global": Row(_on("Central"), NOWHERE, NOWHERE),
        "Control": Row(_on("Jump", "Machine"), NOWHERE, NOWHERE),
        "Star": Row(None, NOWHERE, NOWHERE),
        "Driver": Row(None, NOWHERE, NOWHERE),
    }
)
