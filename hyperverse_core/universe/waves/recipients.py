"""The recipients of a Ripple."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from ...errors import BadRequest, TooLarge
from ..address.point import Point
from ..selectors.selector import Selector
from .arguments import named, to_point
from .wave import Recipients, Stars, Watchers

__all__ = ["to_recipients"]

_MOST = 1_000_000


def to_recipients(to: Recipients | str | Sequence[Point | str]) -> Recipients:
    """Converts a user's recipients of a Ripple. Raises ParseError for a string that is not valid, and
    BadRequest for a value that cannot be recipients at all."""
    if isinstance(to, str):
        return Selector.parse(to)
    if isinstance(to, Selector):
        return to
    if isinstance(to, Stars):
        if not isinstance(to.kind, str | None):
            raise BadRequest("the kind of Stars is not a string", hint="write Stars(kind='Fold')")
        return to
    if isinstance(to, Watchers):
        if not isinstance(to.point, Point) or not isinstance(to.aspect, str):
            raise BadRequest("Watchers takes a Point and a string", hint="write Watchers(Point.parse(...), 'State')")
        return to
    if not isinstance(to, Iterable) or isinstance(to, bytes | Mapping):
        raise BadRequest(
            f"to is {named(to)}, not the recipients of a Ripple", hint="give a selector or a list of points"
        )
    points = tuple([p if type(p) is Point else to_point(p) for p in islice(to, _MOST + 1)])
    if len(points) > _MOST:
        raise TooLarge(f"a Ripple has more than {_MOST} recipients", hint="write a selector, or send several")
    return points
