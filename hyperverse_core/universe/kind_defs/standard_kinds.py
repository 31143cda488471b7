"""The Kinds that the platform knows by itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from .kind_def import KindDef
from .properties import PropertiesConfig
from .standard_properties import STANDARD_PROPERTIES

__all__ = ["STANDARD_KINDS"]

_KEYCLOAK = "OAuth<starlane.io:redhat.com:keycloak:community:18.0.0>"
_STARS = ("Central", "Super", "Nexus", "Maelstrom", "Scribe", "Jump", "Fold", "Machine")


def _standard() -> dict[str, KindDef]:
    """The Kinds of universe 2.1 with the properties of universe 8."""
    declared = (
        KindDef("Root", doc="The point without segments", parents=()),
        KindDef("Space", doc="The first segment of a point"),
        KindDef("Base", doc="Groups other particles"),
        KindDef(
            "UserBase",
            doc="Holds users and knows how they prove who they are",
            subs=("OAuth",),
            sub_required=True,
            specific_required=True,
            aliases={"OAuth": _KEYCLOAK, "Keycloak": _KEYCLOAK},
        ),
        KindDef("User", doc="Somebody"),
        KindDef("App", doc="An application"),
        KindDef("Mechtron", doc="A WebAssembly component", layers="extended"),
        KindDef("FileSystem", doc="Holds files"),
        KindDef(
            "File",
            doc="A file or a directory",
            subs=("File", "Dir"),
            sub_required=True,
            parents=("FileSystem", "File<Dir>"),
        ),
        KindDef(
            "Database",
            doc="A database server",
            subs=("Relational",),
            sub_required=True,
            specific_required=True,
        ),
        KindDef("Repo", doc="Holds series of bundles"),
        KindDef("BundleSeries", doc="Holds the versions of a bundle", parents=("Repo",)),
        KindDef("Bundle", doc="A published version", parents=("BundleSeries",), eager=True),
        KindDef(
            "Artifact",
            doc="A file of a bundle",
            subs=("Raw", "ParticleConfig", "Bind", "Wasm", "Dir"),
            sub_required=True,
            parents=("Bundle", "Artifact<Dir>"),
            eager=True,
        ),
        KindDef("Control", doc="The end of an external client", layers="extended"),
        KindDef("Portal", doc="A way in for other protocols", layers="extended"),
        KindDef("Star", doc="A node of the fabric", subs=_STARS, sub_required=True),
        KindDef("Driver", doc="Runs the particles of a Kind on a star"),
        KindDef("Global", doc="A service of the whole cosmos"),
    )
    return {
        kind.name: attrs.evolve(kind, properties=STANDARD_PROPERTIES.get(kind.name, PropertiesConfig()))
        for kind in declared
    }


STANDARD_KINDS: Mapping[str, KindDef] = MappingProxyType(_standard())
"""The Kinds that the platform knows by itself; plugins declare further ones."""
