"""Binds: which requests a particle takes, and through which stops they go. docs/reference/binds.md.

    Bind(version=1.0.0) {
      Route<Ext<Add>> -> (()) => &;
      Route/users -> {
        Http -> {
          Get/users/(?P<user>[^/]+) -> localhost:users:${user} => &;
        }
      }
    }

Scopes have three levels: Route, the family of the method, the name of the method. ``Route<Http<Get>>`` is all three in
one. Its filters and its path belong to the outermost.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from ...errors import ParseError
from ..address.point import Point
from ..text.lark_grammar import moved, without_comments
from ..text.lexis import fail
from ..text.version import Version
from ..waves.wave import Method
from .bind_printer import print_bind
from .bind_scopes import Condition, MethodScope, RouteScope, WaveScope
from .bind_text import scan_routes
from .pattern import Pattern
from .pipeline import Pipeline
from .route_table import Leaf, RouteTable, Selected
from .scope_text import scan_block, scan_document_head, skip_blanks

__all__ = ["BIND_VERSION", "BindConfig", "Condition", "MethodScope", "RouteScope", "Selected", "WaveScope"]

BIND_VERSION = Version(1, 0, 0)
"""The version of the language of binds."""


@attrs.frozen
class BindConfig:
    """The routes of a particle.

    Attributes:
        routes: the outermost scopes, in the order of the document.

    Example:
        >>> route = "Route<Http<Get>>/u/(?P<id>[^/]+) -> localhost:u:${id} => &;"
        >>> bind = BindConfig.parse("Bind(version=1.0.0) { " + route + " }")
        >>> selected = bind.select(Method.parse("Http<Get>"), "/u/7")
        >>> str(selected.pipeline), dict(selected.captures)
        ('-> localhost:u:${id} => &', {'id': '7'})
    """

    routes: tuple[RouteScope, ...] = ()
    _table: RouteTable = attrs.field(init=False, eq=False, repr=False)

    @_table.default
    def _make_table(self) -> RouteTable:
        return RouteTable(_leaves(self.routes))

    @classmethod
    def parse(cls, text: str) -> BindConfig:
        """Reads ``text`` as a bind. A ``#`` anywhere starts a comment, which ends with its line. Raises ParseError."""
        clean = without_comments(text)
        try:
            return cls(_scan(clean))
        except ParseError as exc:
            raise moved(exc, text, 0) from None

    def select(
        self, method: Method, path: str, topic: str | None = None, *, agent: Point | None = None
    ) -> Selected | None:
        """Finds the route of a request: the first in the document whose conditions all hold.

        Args:
            method: the method of the request.
            path: the path of the request. Path expressions match from its start.
            topic: the topic of the request as text; None or empty for none.
            agent: the agent of the request, for filters; None for the anonymous agent.

        Returns:
            The pipeline and the captures of the route. None if no route takes the request: a Cmd then goes to the
            handlers of the particle, and any other request is answered 404.
        """
        return self._table.select(method, path, topic or "", agent)

    def __str__(self) -> str:
        return print_bind(self.routes, BIND_VERSION)


def _scan(text: str) -> tuple[RouteScope, ...]:
    head, at = scan_document_head(text)
    if head.name != "Bind":
        raise ParseError(f"{head.name!r} is not a bind", text=text, offset=head.at, expected=("Bind(version=1.0.0)",))
    if head.version != BIND_VERSION:
        raise ParseError(
            f"unknown version {str(head.version)!r} of binds",
            text=text,
            offset=text.index("=", head.at) + 1,
            expected=(str(BIND_VERSION),),
        )
    opener = skip_blanks(text, at)
    if not text.startswith("{", opener):
        fail(text, opener, "'{'")
    closer = scan_block(text, opener)
    behind = skip_blanks(text, closer)
    if behind < len(text):
        fail(text, behind, "the end")
    return scan_routes(text, opener + 1, closer - 1)


def _leaves(routes: tuple[RouteScope, ...]) -> Iterator[Leaf]:
    order = 0
    for route in routes:
        for wave in route.waves:
            for method in wave.methods:
                around = (route.condition, wave.condition, method.condition)
                yield Leaf(
                    order,
                    method.method,
                    tuple(condition.path for condition in around if condition.path is not None),
                    tuple(condition.topic for condition in around if condition.topic is not None),
                    tuple(one for condition in around for one in condition.filters),
                    _guarded(method.pipeline, around),
                )
                order += 1


def _guarded(pipeline: Pipeline, around: tuple[Condition, ...]) -> Pipeline:
    """Returns ``pipeline`` with a first step that also demands the patterns in front of the blocks around it."""
    patterns = [condition.arrow.pattern for condition in around if condition.arrow.pattern is not None]
    if not patterns or not pipeline.steps:
        return pipeline
    first, *others = pipeline.steps
    if first.pattern is not None:
        patterns.append(first.pattern)
    return Pipeline((attrs.evolve(first, pattern=Pattern.all_of(patterns)), *others))
