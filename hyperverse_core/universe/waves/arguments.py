"""Checks the arguments of a sender when a wave is made, so that an invalid value fails only that call.

Found later, it would do more damage: a frame with a number as its path violates the protocol, and ends the connection
with all other waves on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import BadRequest
from ..address.point import Point
from .wave import Handling, Method, Priority

__all__ = ["LONGEST_WAIT", "named", "to_count", "to_handling", "to_headers", "to_method", "to_point", "to_text"]

LONGEST_WAIT: Final = 3.2e8
"""Seconds in ten years: longer waits are shortened to this. A timer cannot be set for an unlimited time."""
_MOST: Final = 2**31


def named(value: object) -> str:
    """Returns the name of a value's type; the value itself may be large, and its ``repr`` may run any code."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def to_point(to: object) -> Point:
    """Returns the recipient. Raises ParseError for a string that is not a point, BadRequest for other types."""
    if isinstance(to, Point):
        return to
    if isinstance(to, str):
        return Point.parse(str.__str__(to))
    raise BadRequest(f"to is {named(to)}, not a point", hint="give a Point, or its text such as 'localhost:hits'")


def to_method(method: object) -> Method:
    """Returns the method. Raises ParseError for a string that is not a method, BadRequest for other types."""
    if isinstance(method, Method):
        return method
    if isinstance(method, str):
        return Method.parse(str.__str__(method))
    hint = "give a Method, or its text such as 'Ext<Add>'"
    if callable(method):
        hint += "; to name a handler, make a typed call: client.at(point, Counter).ask(Counter.add, by=3)"
    raise BadRequest(f"method is {named(method)}, not a method", hint=hint)


def to_text(name: str, value: object) -> str:
    """Returns the option ``name``, which must be a string. Raises BadRequest."""
    if isinstance(value, str):
        return str.__str__(value)
    raise BadRequest(f"{name} is {named(value)}, not a string", hint=f"write {name}='...'")


def to_headers(headers: object) -> Mapping[str, str] | None:
    """Returns the headers as a map that nobody else changes. Raises BadRequest."""
    if headers is None:
        return None
    if type(headers) is not dict and not isinstance(headers, Mapping):  # the first test saves half a microsecond
        raise BadRequest(f"headers are {named(headers)}, not a map from strings to strings")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise BadRequest(f"a header is {named(name)} with {named(value)}", hint="name and value are strings")
    return {str.__str__(name): str.__str__(value) for name, value in headers.items()}


def to_handling(wait: Any, retries: Any, priority: Any) -> Handling:
    """Returns how to treat a wave. Raises BadRequest."""
    if isinstance(wait, bool) or not isinstance(wait, int | float):
        raise BadRequest(f"wait is {named(wait)}, not a number", hint="wait is in seconds, more than 0")
    if isinstance(retries, bool) or not isinstance(retries, int) or retries >= _MOST:
        raise BadRequest(f"retries is {named(retries)}, not a whole number", hint="retries is 0 or more")
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise BadRequest(f"priority is {named(priority)}, not a whole number", hint="0 (first) to 4 (last)")
    if not Priority.HYPER <= priority <= Priority.LOW:
        said = priority if abs(priority) < _MOST else "a huge number"
        raise BadRequest(f"priority {said} does not exist", hint="0 (first) to 4 (last)")
    level = Priority(priority)
    # NaN is not less than any number: Handling refuses it
    return Handling(LONGEST_WAIT if wait > LONGEST_WAIT else float(wait), int(retries), level)


def to_count(count: object) -> int | None:
    """Returns the number of echoes after which a Ripple ends; None for all. Raises BadRequest."""
    if count is None:
        return None
    if type(count) is int and not 0 <= count < _MOST:
        said = count if abs(count) < _MOST else "a huge number"
        raise BadRequest(f"count is {said}", hint="count is 0 or more, or None")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < _MOST:
        raise BadRequest(f"count is {named(count)}, not a whole number", hint="count is 0 or more, or None")
    return int(count)
