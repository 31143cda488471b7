"""Route selectors: which requests a handler takes, ``Http<Get>/users/(?P<user>[^/]+)`` (universe 4.9)."""

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
    """Which requests are meant: ``[Topic<*>]::Ext<X>(auth)/path``.

    Attributes:
        method: which methods.
        path: what the path must match from its start.
        topic: which topics; None for every one.
        filters: who may ask.
    """

    method: MethodPattern
    path: PathRegex = attrs.field(factory=lambda: PathRegex.parse(_ALL_PATHS))
    topic: Topic | None = None
    filters: tuple[Filter, ...] = ()

    @classmethod
    def parse(cls, text: str) -> RouteSelector:
        """The route selector that ``text`` writes; raises ParseError.

        ``*`` is every method, ``Ext<*>`` every one of a family. Without a path every path is meant.
        """
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
        """What the path's named groups captured, or None when the request is not meant.

        Args:
            method: of the request.
            path: of the request.
            topic: text of its topic, None or empty for none.
            agent: who asks, for filters; None is anonymous.
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
