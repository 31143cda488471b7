"""The scopes of a bind, innermost first: docs/reference/binds.md#scopes."""

from __future__ import annotations

import attrs

from ..address.topic import Topic
from ..waves.wave import MethodKind
from .filters import Filter
from .method_pattern import MethodPattern
from .path_regex import PathRegex
from .pipeline import DIRECT, Arrow, Pipeline

__all__ = ["Condition", "MethodScope", "RouteScope", "WaveScope"]


@attrs.frozen
class Condition:
    """The conditions of a scope, which must hold before anything inside it is tried.

    Attributes:
        topic: the topic of the request; None for every request.
        filters: conditions on the agent.
        path: an expression that matches the path from its start; None for every path.
        arrow: the arrow in front of the block of the scope. The body must match its pattern.
    """

    topic: Topic | None = None
    filters: tuple[Filter, ...] = ()
    path: PathRegex | None = None
    arrow: Arrow = DIRECT


@attrs.frozen
class MethodScope:
    """The innermost scope: a pattern of methods, and the pipeline of requests with such a method."""

    method: MethodPattern
    pipeline: Pipeline
    condition: Condition = attrs.field(factory=Condition)


@attrs.frozen
class WaveScope:
    """The middle scope: a family of methods, or None for every family."""

    kind: MethodKind | None
    methods: tuple[MethodScope, ...] = ()
    condition: Condition = attrs.field(factory=Condition)


@attrs.frozen
class RouteScope:
    """The outermost scope, written ``Route``."""

    waves: tuple[WaveScope, ...] = ()
    condition: Condition = attrs.field(factory=Condition)
