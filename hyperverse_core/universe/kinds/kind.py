"""Kinds: what a particle is (universe 2).

Kinds are open: every plugin may declare one. So a text is a Kind when it has the shape of one, and whether
anybody serves it is asked of a table of `KindDef`: see `resolve`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

import attrs

from ...errors import BadRequest, ParseError, UnknownKind, did_you_mean
from ..address.layer import PLANS, Plan
from ..kind_defs.properties import PropertiesConfig
from ..kind_defs.standard_properties import STANDARD_PROPERTIES
from ..text import lexis
from ..text.lexis import fail
from .kind_selector import KindSelector
from .specific import Specific, scan_specific

__all__ = ["STANDARD_KINDS", "Kind", "KindDef", "resolve", "scan_kind"]

_SHAPE = re.compile(r"([A-Z][A-Za-z0-9]*+)(?:<([A-Z][A-Za-z0-9]*+)(<)?+)?+")
_REMEMBERED = 4_096
_LONGEST_REMEMBERED = 256
_seen: dict[str, Kind] = {}


def _check_name(_: object, field: attrs.Attribute[str], value: str | None) -> None:
    if value is not None and lexis.CAMEL.fullmatch(value) is None:
        raise ParseError(f"a Kind's {field.name} cannot be {value!r}", text=value, expected=("a CamelCase name",))


@attrs.frozen(eq=False, repr=False)
class Kind:
    """What a particle is: ``Base``, ``Base<Sub>`` or ``Base<Sub<specific>>``.

    Attributes:
        base: the name of its `KindDef`.
        sub: the sub kind, or None.
        specific: the product behind it, or None.
        text: as printed, in full.
    """

    base: str = attrs.field(validator=_check_name)
    sub: str | None = attrs.field(default=None, validator=_check_name)
    specific: Specific | None = None
    text: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        if self.specific is not None and self.sub is None:
            raise BadRequest(f"Kind {self.base!r} cannot have a specific without a sub kind")
        inner = "" if self.specific is None else f"<{self.specific}>"
        object.__setattr__(self, "text", self.base if self.sub is None else f"{self.base}<{self.sub}{inner}>")

    @staticmethod
    def parse(text: str) -> Kind:
        """The Kind that ``text`` writes, known or not; raises ParseError."""
        kind = _seen.get(text)
        return _parse_new(text) if kind is None else kind

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Kind({self.text!r})"

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return self.text == other.text if isinstance(other, Kind) else NotImplemented

    def __lt__(self, other: Kind) -> bool:
        return self.text < other.text


def _parse_new(text: str) -> Kind:
    kind, end = scan_kind(text, 0)
    if end < len(text):
        fail(text, end, "the end of the Kind")
    if len(text) <= _LONGEST_REMEMBERED and len(_seen) < _REMEMBERED:
        _seen[text] = kind
    return kind


def scan_kind(text: str, pos: int) -> tuple[Kind, int]:
    """The Kind at ``pos`` and the offset behind it; raises ParseError."""
    found = _SHAPE.match(text, pos)
    if found is None:
        fail(text, pos, "a Kind such as Space", hint="Kinds are CamelCase names")
    base, sub, has_specific = found.groups()
    at = found.end()
    if sub is None:
        if text.startswith("<", at):
            fail(text, at + 1, "a sub kind, a CamelCase name")
        return Kind(base), at
    specific = None
    if has_specific:
        specific, at = scan_specific(text, at)
        at = _close(text, at)
    return Kind(base, sub, specific), _close(text, at)


def _close(text: str, at: int) -> int:
    if not text.startswith(">", at):
        fail(text, at, "'>'")
    return at + 1


def _check_layers(_: object, __: object, value: str) -> None:
    if value not in PLANS:
        raise BadRequest(f"no layer plan named {value!r}", hint=f"known: {', '.join(PLANS)}")


def _check_names(_: object, field: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for name in value:
        if lexis.CAMEL.fullmatch(name) is None:
            raise BadRequest(f"{field.name} of a Kind cannot hold {name!r}", hint="sub kinds are CamelCase names")


def _names(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


def _read_only(value: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(value))


@attrs.frozen
class KindDef:
    """What a plugin says of a Kind that it serves.

    Attributes:
        name: the base name, CamelCase.
        doc: one line for people.
        subs: the sub kinds it has; a Kind without any drops the sub kind that a text names.
        sub_required: whether one must be named.
        specific_required: whether a product must be named too.
        aliases: short sub kinds for templates, each standing for a full one (``Keycloak`` for
            ``OAuth<...>``).
        properties: the properties that its particles may have.
        parents: which Kinds it may live under, as kind selectors with or without brackets; ``*`` is any.
        children: which Kinds may live directly under it, likewise.
        layers: ``standard`` or ``extended`` (with Portal, Host and Guest).
        eager: whether its particles are provisioned when they are created, not at their first wave.
    """

    name: str = attrs.field(validator=_check_name)
    # Each field is marked as keyword-only: attrs before 25.4 cannot exempt one from a class that is marked.
    doc: str = attrs.field(default="", kw_only=True)
    subs: tuple[str, ...] = attrs.field(default=(), converter=_names, validator=_check_names, kw_only=True)
    sub_required: bool = attrs.field(default=False, kw_only=True)
    specific_required: bool = attrs.field(default=False, kw_only=True)
    aliases: Mapping[str, str] = attrs.field(factory=dict, converter=_read_only, hash=False, kw_only=True)
    properties: PropertiesConfig = attrs.field(factory=PropertiesConfig, kw_only=True)
    parents: tuple[str, ...] = attrs.field(default=("*",), converter=_names, kw_only=True)
    children: tuple[str, ...] = attrs.field(default=("*",), converter=_names, kw_only=True)
    layers: str = attrs.field(default="standard", validator=_check_layers, kw_only=True)
    eager: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _selectors(self.parents)
        _selectors(self.children)

    @property
    def plan(self) -> Plan:
        """The layers of its particles, in order."""
        return PLANS[self.layers]

    def may_live_under(self, parent: Kind) -> bool:
        """Whether a particle of this Kind may be created directly under one of Kind ``parent``."""
        return any(selector.matches(parent) for selector in _selectors(self.parents))

    def may_hold(self, child: Kind) -> bool:
        """Whether a particle of Kind ``child`` may be created directly under one of this Kind."""
        return any(selector.matches(child) for selector in _selectors(self.children))


def resolve(kind: Kind, table: Mapping[str, KindDef]) -> Kind:
    """The Kind as it is known in ``table``: what the base does not have is dropped.

    Raises:
        UnknownKind: nobody declares that base or that sub kind; the hint names the nearest.
        BadRequest: a sub kind or a specific is needed and missing.
    """
    known = table.get(kind.base)
    if known is None:
        raise UnknownKind(
            f"no Kind named {kind.base!r}",
            hint=f"known: {', '.join(sorted(table))}{did_you_mean(kind.base, table)}",
        )
    if not known.subs:
        return kind if kind.sub is None else Kind(kind.base)
    if kind.sub is None:
        if known.sub_required:
            raise BadRequest(f"Kind {kind.base!r} needs a sub kind", hint=f"one of: {', '.join(known.subs)}")
        return kind
    if kind.sub not in known.subs:
        raise UnknownKind(
            f"Kind {kind.base!r} has no sub kind {kind.sub!r}",
            hint=f"known: {', '.join(known.subs)}{did_you_mean(kind.sub, known.subs)}",
        )
    if known.specific_required and kind.specific is None:
        raise BadRequest(
            f"Kind '{kind}' needs a specific",
            hint=f"{kind.base}<{kind.sub}<provider:vendor:product:variant:1.0.0>>",
        )
    return kind if known.specific_required or kind.specific is None else Kind(kind.base, kind.sub)


@lru_cache(maxsize=1024)
def _selectors(texts: tuple[str, ...]) -> tuple[KindSelector, ...]:
    return tuple(KindSelector.parse(text if text.startswith("<") else f"<{text}>") for text in texts)


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
