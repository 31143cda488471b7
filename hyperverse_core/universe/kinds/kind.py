"""Kinds: the types of particles. docs/reference/kinds.md.

Every plugin may declare Kinds, so every text of the right form is a Kind. A table of definitions tells whether a plugin
serves it: see `kind_defs.kind_def.resolve`.
"""

from __future__ import annotations

import re

import attrs

from ...errors import BadRequest, ParseError
from ..text import lexis
from ..text.lexis import fail
from .specific import Specific, scan_specific

__all__ = ["Kind", "check_kind_name", "scan_kind"]

_SHAPE = re.compile(r"([A-Z][A-Za-z0-9]*+)(?:<([A-Z][A-Za-z0-9]*+)(<)?+)?+")
_REMEMBERED = 4_096
_LONGEST_REMEMBERED = 256
_seen: dict[str, Kind] = {}


def check_kind_name(_: object, field: attrs.Attribute[str], value: str | None) -> None:
    """Validates a field of an attrs class. Raises ParseError if it is neither None nor a name in CamelCase."""
    if value is not None and lexis.CAMEL.fullmatch(value) is None:
        raise ParseError(f"a Kind's {field.name} cannot be {value!r}", text=value, expected=("a CamelCase name",))


@attrs.frozen(eq=False, repr=False)
class Kind:
    """The type of a particle: ``Base``, ``Base<Sub>`` or ``Base<Sub<specific>>``.

    Attributes:
        base: the name under which a plugin declares it.
        sub: the sub kind, or None.
        specific: the product behind it, or None.
        text: the whole Kind as printed.

    Raises:
        ParseError: a name is not in CamelCase.
        BadRequest: there is a specific, but no sub kind.
    """

    base: str = attrs.field(validator=check_kind_name)
    sub: str | None = attrs.field(default=None, validator=check_kind_name)
    specific: Specific | None = None
    text: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        if self.specific is not None and self.sub is None:
            raise BadRequest(f"Kind {self.base!r} cannot have a specific without a sub kind")
        inner = "" if self.specific is None else f"<{self.specific}>"
        object.__setattr__(self, "text", self.base if self.sub is None else f"{self.base}<{self.sub}{inner}>")

    @staticmethod
    def parse(text: str) -> Kind:
        """Reads ``text`` as a Kind, whether a plugin serves it or not. Raises ParseError."""
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
    """Reads the Kind at ``pos``; returns it and the offset after it. Raises ParseError."""
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
