"""The scopes of a bind, from the outside in (universe 6.1)."""

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
    """What a scope demands before anything in it is looked at.

    Attributes:
        topic: which topics; None for every one.
        filters: who may ask.
        path: what the path must match from its start; None for every path.
        arrow: the step in front of its block, whose pattern the body must meet.
    """

    topic: Topic | None = None
    filters: tuple[Filter, ...] = ()
    path: PathRegex | None = None
    arrow: Arrow = DIRECT


@attrs.frozen
class MethodScope:
    """The innermost scope: methods, and the way that they go."""

    method: MethodPattern
    pipeline: Pipeline
    condition: Condition = attrs.field(factory=Condition)


@attrs.frozen
class WaveScope:
    """The middle scope: a family of methods, None for every one."""

    kind: MethodKind | None
    methods: tuple[MethodScope, ...] = ()
    condition: Condition = attrs.field(factory=Condition)


@attrs.frozen
class RouteScope:
    """The outermost scope, written ``Route``."""

    waves: tuple[WaveScope, ...] = ()
    condition: Condition = attrs.field(factory=Condition)
