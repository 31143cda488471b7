"""Definitions of Kinds, and the look-up of a Kind among them. docs/reference/kinds.md#declaring-a-kind."""

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
            raise BadRequest(f"{field.name} of a Kind cannot contain {name!r}", hint="sub kinds are CamelCase names")


def _names(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise BadRequest(f"a Kind has {value!r:.60} where a list of names is expected", hint=f"write ({value!r:.60},)")
    names = tuple(value)
    for name in names:
        if not isinstance(name, str):
            raise BadRequest(
                f"a Kind's list of names contains {name!r:.60}", hint='names are strings: ("Space", "Base")'
            )
    return names


def _read_only(value: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise BadRequest(f"aliases of a Kind are {value!r:.60}, not a map", hint='aliases={"Keycloak": "OAuth<...>"}')
    return MappingProxyType(dict(value))


def _check_text(owner: KindDef, field: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str):
        raise BadRequest(f"{field.name} of Kind {owner.name!r} is {value!r:.60}, not a string")


def _check_flag(owner: KindDef, field: attrs.Attribute[bool], value: object) -> None:
    if not isinstance(value, bool):
        raise BadRequest(f"{field.name} of Kind {owner.name!r} is {value!r:.60}, not True or False")


def _check_properties(owner: KindDef, _: object, value: object) -> None:
    if not isinstance(value, PropertiesConfig):
        raise BadRequest(
            f"properties of Kind {owner.name!r} are a {type(value).__name__}, not a PropertiesConfig",
            hint='properties=PropertiesConfig([PropertyDef("price", "In cents", "U64")])',
        )


@attrs.frozen
class KindDef:
    """The definition of a Kind, which a plugin declares.

    Attributes:
        name: the base of the Kind, in CamelCase.
        doc: one line for people.
        subs: the sub kinds. If there are none, `resolve` drops a sub kind that a text names.
        sub_required: whether a particle must have a sub kind.
        specific_required: whether a particle must have a product too.
        aliases: short names of sub kinds for templates, each with the sub kind that it stands for (``Keycloak`` for
            ``OAuth<...>``).
        properties: the properties that the particles may have.
        parents: the Kinds under which a particle may be created, as Kind selectors with or without brackets; ``*`` is
            every Kind.
        children: the Kinds that may be created directly under a particle, written in the same way.
        layers: ``standard``, or ``extended`` for particles that also have Portal, Host and Guest.
        eager: whether a particle is activated when it is created rather than by its first wave.

    Raises:
        ParseError: the name is not in CamelCase, or a selector is wrong.
        BadRequest: a sub kind is not in CamelCase, there are no such layers, or an argument has the wrong type.
    """

    name: str = attrs.field(validator=check_kind_name)
    # Each field is keyword-only by itself, because attrs before 25.4 cannot exempt a field of a keyword-only class.
    doc: str = attrs.field(default="", validator=_check_text, kw_only=True)
    subs: tuple[str, ...] = attrs.field(default=(), converter=_names, validator=_check_names, kw_only=True)
    sub_required: bool = attrs.field(default=False, validator=_check_flag, kw_only=True)
    specific_required: bool = attrs.field(default=False, validator=_check_flag, kw_only=True)
    aliases: Mapping[str, str] = attrs.field(factory=dict, converter=_read_only, hash=False, kw_only=True)
    properties: PropertiesConfig = attrs.field(factory=PropertiesConfig, validator=_check_properties, kw_only=True)
    parents: tuple[str, ...] = attrs.field(default=("*",), converter=_names, kw_only=True)
    children: tuple[str, ...] = attrs.field(default=("*",), converter=_names, kw_only=True)
    layers: str = attrs.field(default="standard", validator=_check_layers, kw_only=True)
    eager: bool = attrs.field(default=False, validator=_check_flag, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _selectors(self.parents)
        _selectors(self.children)

    @property
    def plan(self) -> Plan:
        """The layers of a particle, from the outside in."""
        return PLANS[self.layers]

    def may_live_under(self, parent: Kind) -> bool:
        """Whether a particle of this Kind may be created directly under a particle of the Kind ``parent``."""
        return any(selector.matches(parent) for selector in _selectors(self.parents))

    def may_hold(self, child: Kind) -> bool:
        """Whether a particle of the Kind ``child`` may be created directly under a particle of this Kind."""
        return any(selector.matches(child) for selector in _selectors(self.children))


def resolve(kind: Kind, table: Mapping[str, KindDef]) -> Kind:
    """Returns ``kind`` as ``table`` defines it, without a sub kind or a product that it does not have there.

    Args:
        kind: the Kind.
        table: definitions by base.

    Raises:
        UnknownKind: the base or the sub kind is not defined. The hint names those that are.
        BadRequest: a sub kind or a product is required and missing.
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
