"""The standard Kinds that this plugin serves: on which stars they may live, and under which parents.

Mechtron, Repo, BundleSeries, Bundle and Artifact are not among them: they come with other plugins.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

__all__ = ["ANY", "NOWHERE", "TABLE", "KindRow"]

ANY = ("*",)
NOWHERE: tuple[str, ...] = ()


@attrs.frozen
class KindRow:
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


TABLE: Mapping[str, KindRow] = MappingProxyType(
    {
        "Root": KindRow(_on("Central"), parents=NOWHERE, children=("Space",)),
        "Space": KindRow(_on("Super"), parents=("Root",)),
        "Base": KindRow(_on("Super")),
        "UserBase": KindRow(_on("Fold"), children=("User",)),
        "User": KindRow(_on("Fold"), parents=("UserBase",)),
        "App": KindRow(_on("Maelstrom")),
        "FileSystem": KindRow(_on("Fold"), children=("File",)),
        "File": KindRow(_on("Fold"), parents=("FileSystem", "File<Dir>"), children=("File",)),
        "Database": KindRow(_on("Fold")),
        "Portal": KindRow(_on("Jump")),
        # The platform itself creates these: nobody else can, and nothing can be created under them.
        "Global": KindRow(_on("Central"), NOWHERE, NOWHERE),
        "Control": KindRow(_on("Jump", "Machine"), NOWHERE, NOWHERE),
        "Star": KindRow(None, NOWHERE, NOWHERE),
        "Driver": KindRow(None, NOWHERE, NOWHERE),
    }
)
