"""Patterns of methods: ``Ext<Add>``, ``Http<*>``, ``*<Get>``, ``*``. docs/reference/binds.md#route-selectors."""

from __future__ import annotations

from typing import Final

import attrs

from ...errors import ParseError, did_you_mean
from ..text.lexis import CAMEL, fail
from ..waves.method_meant import method_meant
from ..waves.wave import Method, MethodKind
from .scope_text import scan_names

__all__ = ["ANY_METHOD", "MethodPattern", "parse_family", "parse_method_name"]

_FAMILIES: Final = [kind.value for kind in MethodKind]


@attrs.frozen
class MethodPattern:
    """A pattern of methods.

    Attributes:
        kind: the family; None for every family.
        name: the name within the family, or within every family; None for every name.
    """

    kind: MethodKind | None = None
    name: str | None = None

    @classmethod
    def parse(cls, text: str) -> MethodPattern:
        """Reads ``text`` as a pattern of methods. Raises ParseError."""
        pattern, end = scan_method_pattern(text, 0)
        if end < len(text):
            fail(text, end, "the end of the method pattern")
        return pattern

    def matches(self, method: Method) -> bool:
        """Whether ``method`` matches."""
        return (self.kind is None or self.kind is method.kind) and (self.name is None or self.name == method.name)

    def __str__(self) -> str:
        if self.kind is None and self.name is None:
            return "*"
        return f"{self.kind or '*'}<{self.name or '*'}>"


ANY_METHOD: Final = MethodPattern()


def scan_method_pattern(text: str, pos: int) -> tuple[MethodPattern, int]:
    """Reads the pattern at ``pos``; returns it and the offset after it. Raises ParseError."""
    names, end = scan_names(text, pos)
    at = pos + (1 if text.startswith("<", pos) else 0)
    kind = parse_family(names[0], text, at)
    behind = at + len(names[0])
    if len(names) > 2:
        fail(text, behind + 1 + len(names[1]), "'>'", hint="a method has a family and a name, as Ext<Add> has")
    if len(names) == 1:
        if kind is not None:
            fail(text, behind, "'<'", hint=f"write {kind}<*> for every {kind} method")
        return ANY_METHOD, end
    return MethodPattern(kind, parse_method_name(kind, names[1], text, behind + 1)), end


def parse_family(name: str, text: str, at: int) -> MethodKind | None:
    """Returns the family ``name``, which is at ``at`` in ``text``; None for ``*``. Raises ParseError."""
    if name == "*":
        return None
    try:
        return MethodKind(name)
    except ValueError:
        raise ParseError(
            f"unknown method family {name!r}{did_you_mean(name, _FAMILIES)}",
            text=text,
            offset=at,
            expected=(*_FAMILIES, "'*'"),
            hint=method_meant(text) if at == 0 else "",
        ) from None


def parse_method_name(kind: MethodKind | None, name: str, text: str, at: int) -> str | None:
    """Returns the name of a method of ``kind``, which is at ``at`` in ``text``; None for ``*``. Raises ParseError."""
    if name == "*":
        return None
    if CAMEL.fullmatch(name) is None:
        hint = method_meant(f"{kind}<{name}>") if kind is not None else ""
        raise ParseError(
            f"{name!r} is not a method's name", text=text, offset=at, expected=("a CamelCase name", "'*'"), hint=hint
        )
    if kind is not None:
        try:
            Method.parse(f"{kind}<{name}>")
        except ParseError as exc:
            raise ParseError(exc.message, text=text, offset=at, expected=exc.expected) from None
    return name
