"""Routes: the part of an address before ``::``. It says where the rest of the address is looked up."""

from __future__ import annotations

import enum
import re
from functools import lru_cache

import attrs

from ..text import lexis
from ..text.lexis import fail

__all__ = ["THIS", "Route", "RouteKind", "scan_route"]


class RouteKind(enum.Enum):
    """The kind of a route: docs/reference/points.md#grammar. ``VAR`` occurs in templates only."""

    THIS = "This"
    LOCAL = "Local"
    REMOTE = "Remote"
    GLOBAL = "Global"
    HYPER = "Hyper"
    DOMAIN = "Domain"
    TAG = "Tag"
    STAR = "Star"
    VAR = "Var"


_WORDS = {
    "LOCAL": RouteKind.LOCAL,
    "REMOTE": RouteKind.REMOTE,
    "GLOBAL": RouteKind.GLOBAL,
    "HYPER": RouteKind.HYPER,
    ".": RouteKind.THIS,
}
_WORD = re.compile(r"[A-Z]++")
_STAR = re.compile(r"<<([A-Za-z0-9./_:()\[\]-]++)>>")
_TAG = re.compile(r"\[([a-z][A-Za-z0-9-]*+)\]")
_VAR = re.compile(r"\$\{([a-z][A-Za-z0-9-]*+)\}")
_EXPECTED = ("LOCAL", "REMOTE", "GLOBAL", "HYPER", "a domain", "[tag]", "<<star key>>", "'.'")


@attrs.frozen
class Route:
    """The route of an address.

    Attributes:
        kind: the kind of route.
        name: the domain, the tag, the star key or the name of the variable; empty for other kinds.
    """

    kind: RouteKind
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Route:
        """Reads ``text`` as a route, without ``::``. Raises ParseError."""
        return _parse(text) if len(text) <= 256 else _parse.__wrapped__(text)

    @property
    def is_local(self) -> bool:
        """Whether the route is this Hyperverse, as for an address without a route."""
        return self.kind is RouteKind.THIS

    @property
    def prefix(self) -> str:
        """The text before an address with this route: empty, or the route and ``::``."""
        return "" if self.kind is RouteKind.THIS else f"{self}::"

    def __str__(self) -> str:
        match self.kind:
            case RouteKind.THIS:
                return "."
            case RouteKind.TAG:
                return f"[{self.name}]"
            case RouteKind.STAR:
                return f"<<{self.name}>>"
            case RouteKind.VAR:
                return f"${{{self.name}}}"
            case RouteKind.DOMAIN:
                return self.name
            case _:
                return self.kind.name


THIS = Route(RouteKind.THIS)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Route:
    route, end = scan_route(text, 0)
    if end < len(text):
        fail(text, end, "the end of the route")
    return route


def scan_route(text: str, pos: int, *, variables: bool = False) -> tuple[Route, int]:
    """Reads the route at ``pos``; returns it and the offset after it. Raises ParseError.

    Args:
        text: the whole text.
        pos: offset at which the route starts.
        variables: whether ``${name}`` is a route too, as in templates.
    """
    found = match_route(text, pos, variables=variables)
    if found is None:
        fail(text, pos, *_EXPECTED, *(("${variable}",) if variables else ()))
    return found


def match_route(text: str, pos: int, *, variables: bool) -> tuple[Route, int] | None:
    """Does what `scan_route` does, but returns None if there is no route at ``pos``."""
    if (word := _WORD.match(text, pos)) is not None:
        kind = _WORDS.get(word.group())
        return None if kind is None else (Route(kind), word.end())
    for pattern, kind in _PATTERNS if variables else _PATTERNS[:-1]:
        if (found := pattern.match(text, pos)) is not None:
            return Route(kind, found.group(1)), found.end()
    domain = lexis.DOMAIN.match(text, pos)
    if domain is None or domain.group() == "..":
        return None
    return (THIS if domain.group() == "." else Route(RouteKind.DOMAIN, domain.group())), domain.end()


_PATTERNS = ((_STAR, RouteKind.STAR), (_TAG, RouteKind.TAG), (_VAR, RouteKind.VAR))
