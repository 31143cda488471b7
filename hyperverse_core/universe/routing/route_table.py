"""Finds the route of a request: the part of a bind that works for every wave.

One table is made for each bind. It replaces a loop over all routes: it finds routes by their method and by characters
that a path must have, so the time hardly grows with the number of routes. Of the routes that it finds, the first in the
document wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from ..address.point import Point
from ..address.topic import Topic
from ..waves.wave import Method, MethodKind
from .filters import Filter
from .method_pattern import MethodPattern
from .path_regex import PathRegex
from .pipeline import Pipeline

__all__ = ["Leaf", "RouteTable", "Selected", "topics_admit"]

_MOST_PROBES: Final = 12
_NOTHING: Final[Mapping[str, str]] = {}
_BY_NAME: Final = frozenset({"Cmd<Bounce>", "Cmd<Read>"})


@attrs.frozen
class Selected:
    """The route of a request.

    Attributes:
        pipeline: the steps of the request.
        captures: what the named groups of the path expressions captured, in all scopes around the route.
        named: whether the route names the method, rather than a family of methods or all of them.
    """

    pipeline: Pipeline
    captures: Mapping[str, str]
    named: bool = True

    def means(self, method: Method) -> bool:
        """Whether the route applies to ``method``: Bounce and Read follow a route only if it names them. A caller that
        asks whether a particle is alive, or reads it, means that particle, even if its bind takes every method."""
        return self.named or method.text not in _BY_NAME


@attrs.frozen
class Leaf:
    """A route with all conditions of the scopes around it.

    Attributes:
        order: its place in the document.
        method: the methods that it takes.
        paths: expressions that the path must match, outermost first.
        topics: topics that the request must have, outermost first.
        filters: conditions on the agent.
        pipeline: the steps of the request.
    """

    order: int
    method: MethodPattern
    paths: tuple[PathRegex, ...]
    topics: tuple[Topic, ...]
    filters: tuple[Filter, ...]
    pipeline: Pipeline

    @property
    def keys(self) -> tuple[tuple[int, str], ...]:
        """Characters with which a path, or one of its segments, must start so that the route takes it.

        Each is a pair of a number and the characters: 0 is the path itself, 1 its first segment.
        """
        prefix = max((path.prefix for path in self.paths), key=len, default="")
        return ((0, prefix), *(start for path in self.paths for start in path.starts))

    def captures(self, path: str) -> Mapping[str, str] | None:
        """Returns what the expressions capture from ``path``; None if one of them does not match."""
        found = _NOTHING
        for regex in self.paths:
            more = regex.captures(path)
            if more is None:
                return None
            if more:
                found = {**found, **more} if found else more
        return found


class RouteTable:
    """All routes of a bind, by method and path.

    Args:
        leaves: the routes, in the order of the document.
    """

    __slots__ = ("_by_method", "_leaves", "_others")

    def __init__(self, leaves: Iterable[Leaf]) -> None:
        self._leaves = tuple(leaves)
        # Only methods that a route names have their own table, because requests can contain any number of names. A
        # table is made at the first request with its method.
        self._by_method: dict[str, _Paths | None] = {
            f"{kind}<{leaf.method.name}>": None
            for leaf in self._leaves
            if leaf.method.name is not None
            for kind in ((leaf.method.kind,) if leaf.method.kind is not None else MethodKind)
        }
        self._others: dict[MethodKind, _Paths] = {}

    def select(self, method: Method, path: str, topic: str, agent: Point | None) -> Selected | None:
        """Returns the first route that takes the request; None if there is none."""
        paths = self._by_method.get(method.text)
        if paths is None:
            paths = self._paths(method)
        for leaf in paths.candidates(path):
            captures = leaf.captures(path)
            if captures is None:
                continue
            if leaf.topics and not topics_admit(leaf.topics, topic):
                continue
            if leaf.filters and not all(condition.admits(agent) for condition in leaf.filters):
                continue
            return Selected(leaf.pipeline, captures, leaf.method.name is not None)
        return None

    def _paths(self, method: Method) -> _Paths:
        if method.text in self._by_method:
            made = self._by_method[method.text] = _Paths([x for x in self._leaves if x.method.matches(method)])
            return made
        known = self._others.get(method.kind)
        if known is None:
            unnamed = MethodPattern(method.kind)
            takers = [x for x in self._leaves if x.method.name is None and x.method.kind in (None, unnamed.kind)]
            known = self._others[method.kind] = _Paths(takers)
        return known


class _Paths:
    """The routes of one method, by characters that their paths have at certain places.

    Each route is filed under one of its keys: the one that the fewest routes share. A path is then looked up once for
    each place and length of such keys, and not compared with every route.
    """

    __slots__ = ("_probes", "_splits")

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        common = Counter(key for leaf in leaves for key in set(leaf.keys))
        chosen = [min(leaf.keys, key=lambda key: (common[key], -len(key[1]))) for leaf in leaves]
        probes = Counter((number, len(text)) for number, text in chosen)
        kept = {probe for probe, _ in probes.most_common(_MOST_PROBES)}
        filed: dict[tuple[int, int], dict[str, list[Leaf]]] = {}
        for leaf, (number, text) in zip(leaves, chosen, strict=True):
            length = max((n for at, n in kept if at == number and n <= len(text)), default=0)
            filed.setdefault((number if length else 0, length), {}).setdefault(text[:length], []).append(leaf)
        self._probes = tuple(
            (number, length, {text: tuple(found) for text, found in filed[number, length].items()})
            for number, length in sorted(filed)
        )
        self._splits = any(number for number, _ in filed)

    def candidates(self, path: str) -> Sequence[Leaf]:
        """Returns the routes that may take ``path``, in the order of the document."""
        segments = [path, *path.split("/")[1:]] if self._splits else (path,)
        found: Sequence[Leaf] = ()
        several = False
        for number, length, buckets in self._probes:
            if number >= len(segments):
                break
            bucket = buckets.get(segments[number][:length])
            if bucket is not None:
                several = bool(found)
                found = (*found, *bucket) if found else bucket
        return sorted(found, key=_order) if several else found


def _order(leaf: Leaf) -> int:
    return leaf.order


def topics_admit(topics: Iterable[Topic], topic: str) -> bool:
    """Whether all ``topics`` take a request whose topic has the text ``topic``, empty for none."""
    return all(wanted.admits(topic) for wanted in topics)
