"""The standard Kinds: docs/reference/kinds.md#the-standard-kinds."""

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
    """Returns the standard Kinds by name, with their properties."""
    declared = (
        KindDef("Root", doc="Top of the tree", parents=()),
        KindDef("Space", doc="First segment of a point"),
        KindDef("Base", doc="Group of other particles"),
        KindDef(
            "UserBase",
            doc="Group of users, with the way to authenticate them",
            subs=("OAuth",),
            sub_required=True,
            specific_required=True,
            aliases={"OAuth": _KEYCLOAK, "Keycloak": _KEYCLOAK},
        ),
        KindDef("User", doc="User account"),
        KindDef("App", doc="Application"),
        KindDef("Mechtron", doc="WebAssembly component", layers="extended"),
        KindDef("FileSystem", doc="Root of files and directories"),
        KindDef(
            "File",
            doc="File or directory",
            subs=("File", "Dir"),
            sub_required=True,
            parents=("FileSystem", "File<Dir>"),
        ),
        KindDef(
            "Database",
            doc="Database",
            subs=("Relational",),
            sub_required=True,
            specific_required=True,
        ),
        KindDef("Repo", doc="Repository of bundles"),
        KindDef("BundleSeries", doc="All versions of a bundle", parents=("Repo",)),
        KindDef("Bundle", doc="One published version", parents=("BundleSeries",), eager=True),
        KindDef(
            "Artifact",
            doc="File of a bundle",
            subs=("Raw", "ParticleConfig", "Bind", "Wasm", "Dir"),
            sub_required=True,
            parents=("Bundle", "Artifact<Dir>"),
            eager=True,
        ),
        KindDef("Control", doc="Session of an external client", layers="extended"),
        KindDef("Portal", doc="Gateway for another protocol", layers="extended"),
        KindDef("Star", doc="Virtual node that hosts particles", subs=_STARS, sub_required=True),
        KindDef("Driver", doc="Runtime of the particles of one Kind on one machine"),
        KindDef("Global", doc="Service of the whole Hyperverse"),
    )
    return {
        kind.name: attrs.evolve(kind, properties=STANDARD_PROPERTIES.get(kind.name, PropertiesConfig()))
        for kind in declared
    }


STANDARD_KINDS: Mapping[str, KindDef] = MappingProxyType(_standard())
"""The Kinds that every platform knows, by name. Plugins declare more."""
