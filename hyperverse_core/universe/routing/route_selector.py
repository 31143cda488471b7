"""Route selectors: the requests that a handler takes. docs/reference/binds.md#route-selectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import attrs

from ...errors import ParseError
from ..address.point import Point
from ..address.topic import Topic
from ..text.lark_grammar import moved
from ..text.lexis import fail
from ..waves.wave import Method
from .filters import Filter, print_filters
from .method_pattern import MethodPattern, scan_method_pattern
from .path_regex import PathRegex
from .route_table import topics_admit
from .scope_text import scan_filters

__all__ = ["RouteSelector"]

_TOPIC: Final = re.compile(r"\s*+\[([^\]\s]*+)\]::")
_ALL_PATHS: Final = "/.*"


@attrs.frozen
class RouteSelector:
    """A pattern of requests, written ``[Topic<*>]::Ext<X>(auth)/path``.

    Attributes:
        method: the methods of the requests.
        path: an expression that matches their path from its start.
        topic: their topic; None for every request.
        filters: conditions on their agent.

    Example:
        >>> selector = RouteSelector.parse("Http<Get>/books/(?P<id>[^/]+)")
        >>> dict(selector.matches(Method.parse("Http<Get>"), "/books/7"))
        {'id': '7'}
    """

    method: MethodPattern
    path: PathRegex = attrs.field(factory=lambda: PathRegex.parse(_ALL_PATHS))
    topic: Topic | None = None
    filters: tuple[Filter, ...] = ()

    @classmethod
    def parse(cls, text: str) -> RouteSelector:
        """Reads ``text`` as a route selector. Without a path it takes every path. Raises ParseError."""
        found = _TOPIC.match(text)
        topic: Topic | None = None
        if found is not None:
            try:
                topic = Topic.parse(found[1])
            except ParseError as exc:
                raise moved(exc, text, found.start(1)) from None
        start = found.end() if found is not None else len(text) - len(text.lstrip())
        method, at = scan_method_pattern(text, start)
        filters, at = scan_filters(text, at)
        for condition in filters:
            condition.check()
        rest = text[at:].rstrip()
        if rest and not rest.startswith("/"):
            fail(text, at, "a path expression that starts with '/'", "the end")
        try:
            path = PathRegex.parse(rest or _ALL_PATHS)
        except ParseError as exc:
            raise moved(exc, text, at) from None
        return cls(method, path, topic, filters)

    def matches(
        self, method: Method, path: str, topic: str | None = None, *, agent: Point | None = None
    ) -> Mapping[str, str] | None:
        """Matches a request.

        Args:
            method: the method of the request.
            path: its path.
            topic: its topic as text; None or empty for none.
            agent: its agent, for filters; None for the anonymous agent.

        Returns:
            What the named groups of the path expression captured; None if the request does not match.
        """
        if not self.method.matches(method):
            return None
        if self.topic is not None and not topics_admit((self.topic,), topic or ""):
            return None
        if self.filters and not all(condition.admits(agent) for condition in self.filters):
            return None
        return self.path.captures(path)

    def __str__(self) -> str:
        topic = "" if self.topic is None else f"[{self.topic}]::"
        path = "" if self.path.text == _ALL_PATHS else str(self.path)
        return f"{topic}{self.method}{print_filters(self.filters)}{path}"
