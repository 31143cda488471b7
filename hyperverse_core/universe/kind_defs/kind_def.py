"""What a plugin says of a Kind that it serves, and how a Kind is looked up in a table of such definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

import attrs

from ...errors import BadRequest, UnknownKind, did_you_mean
from ..address.layer import PLANS, Plan
from ..kinds.kind import Kind, check_kind_name
from ..kinds.kind_selector import KindSelector
from ..text import lexis
from .properties import PropertiesConfig

__all__ = ["KindDef", "resolve"]


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

    name: str = attrs.field(validator=check_kind_name)
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
