"""The recipients of a client's Ripple as texts, and back."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BadRequest
from ..universe.address.point import Point
from ..universe.selectors.selector import Selector
from ..universe.waves.wave import Recipients, Stars, Watchers

__all__ = ["read_recipients", "write_recipients"]


def write_recipients(to: Recipients) -> list[str]:
    """Returns recipients as texts. The first text is a word for their form."""
    if isinstance(to, Selector):
        return ["selector", str(to)]
    if isinstance(to, Stars):
        return ["stars", to.kind or "", "adjacent" if to.adjacent else ""]
    if isinstance(to, Watchers):
        return ["watchers", to.point.text, to.aspect]
    return ["points", *(point.text for point in to)]


def read_recipients(texts: Sequence[str]) -> Recipients:
    """Returns the recipients that :func:`write_recipients` wrote. Raises ParseError or BadRequest."""
    match texts:
        case ["points", *points]:
            return tuple(Point.parse(text) for text in points)
        case ["selector", text]:
            return Selector.parse(text)
        case ["stars", kind, adjacent]:
            return Stars(kind or None, bool(adjacent))
        case ["watchers", point, aspect]:
            return Watchers(Point.parse(point), aspect)
    raise BadRequest(f"not recipients: {list(texts)[:4]!r}", hint="points, selector, stars or watchers")
