"""Reads the scopes of a bind: gives meaning to the shapes that `scope_text` finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs

from ...errors import ParseError
from ..address.topic import Topic
from ..text.lark_grammar import moved
from ..waves.wave import MethodKind
from .bind_scopes import Condition, MethodScope, RouteScope, WaveScope
from .grammar import parse_arrow, parse_pipeline
from .method_pattern import MethodPattern, parse_family, parse_method_name
from .path_regex import PathRegex
from .pipeline import DIRECT
from .scope_text import ScopeText, TextPart, scan_scope, skip_blanks

__all__ = ["scan_routes"]

_T = TypeVar("_T")


@attrs.frozen
class _Names:
    """The stacked names of a scope, starting at one of them.

    Attributes:
        scope: the scope.
        text: the whole text.
        at: offset of the first of these names.
        used: index of the first of these names among all names of the scope.
    """

    scope: ScopeText
    text: str
    at: int
    used: int

    @property
    def first(self) -> str:
        return self.scope.names[self.used]

    @property
    def is_last(self) -> bool:
        return self.used == len(self.scope.names) - 1

    @property
    def inner(self) -> _Names:
        return _Names(self.scope, self.text, self.at + len(self.first) + 1, self.used + 1)


def scan_routes(text: str, pos: int, end: int) -> tuple[RouteScope, ...]:
    """Reads the Route scopes between ``pos`` and ``end``. Raises ParseError."""
    return tuple(_route(names, _condition(names.scope, text)) for names in _scopes(text, pos, end))


def _scopes(text: str, pos: int, end: int) -> Iterator[_Names]:
    at = skip_blanks(text, pos, end)
    while at < end:
        scope, behind = scan_scope(text, at, end)
        yield _Names(scope, text, scope.at + (1 if text.startswith("<", scope.at) else 0), 0)
        at = skip_blanks(text, behind, end)


def _route(names: _Names, condition: Condition) -> RouteScope:
    if names.first != "Route":
        raise ParseError(f"unknown scope {names.first!r}", text=names.text, offset=names.at, expected=("Route",))
    if not names.is_last:
        return RouteScope((_wave(names.inner, Condition()),), condition)
    start, end = _block(names, "or name the method too, as in Route<Ext<Add>>")
    waves = (_wave(inner, _condition(inner.scope, names.text)) for inner in _scopes(names.text, start, end))
    return RouteScope(tuple(waves), condition)


def _wave(names: _Names, condition: Condition) -> WaveScope:
    kind = parse_family(names.first, names.text, names.at)
    if not names.is_last:
        return WaveScope(kind, (_method(kind, names.inner, Condition()),), condition)
    start, end = _block(names, f"or write {names.first}<*> for every method of the family")
    methods = (_method(kind, inner, _condition(inner.scope, names.text)) for inner in _scopes(names.text, start, end))
    return WaveScope(kind, tuple(methods), condition)


def _method(kind: MethodKind | None, names: _Names, condition: Condition) -> MethodScope:
    name = parse_method_name(kind, names.first, names.text, names.at)
    if not names.is_last:
        raise ParseError(
            f"method {names.first!r} cannot contain another name",
            text=names.text,
            offset=names.at + len(names.first),
            expected=("'>'", "a step"),
        )
    pipeline = _part(parse_pipeline, names.scope.content, names.text)
    if not pipeline.steps:
        raise ParseError(
            "this route has no steps",
            text=names.text,
            offset=names.scope.content.at,
            expected=("a step and a stop",),
        )
    return MethodScope(MethodPattern(kind, name), pipeline, condition)


def _block(names: _Names, hint: str) -> tuple[int, int]:
    """Returns the offsets where the scopes inside this one start and end. Raises ParseError if it has no block."""
    content = names.scope.content
    if not names.scope.is_block:
        raise ParseError(
            f"scope {names.first!r} needs a block of scopes",
            text=names.text,
            offset=content.at,
            expected=("'-> {'",),
            hint=hint,
        )
    return content.at, content.at + len(content.text)


def _condition(scope: ScopeText, text: str) -> Condition:
    topic = None if scope.topic is None else _part(Topic.parse, scope.topic, text)
    for condition in scope.filters:
        try:
            condition.check()
        except ParseError as exc:
            raise ParseError(exc.message, text=text, offset=scope.at, expected=exc.expected, hint=exc.hint) from None
    path = None if scope.path is None else _part(PathRegex.parse, scope.path, text)
    arrow = DIRECT if scope.arrow is None else _part(parse_arrow, scope.arrow, text)
    return Condition(topic, scope.filters, path, arrow)


def _part(parse: Callable[[str], _T], part: TextPart, text: str) -> _T:
    """Parses ``part``. Its errors have their offset in the whole text."""
    try:
        return parse(part.text)
    except ParseError as exc:
        raise moved(exc, text, part.at) from None
