"""What a sender has written, checked where a wave is made: a value that cannot be costs that one call an error.

Further on it would cost more. A frame with a number for a path does not follow the protocol, and ends the connection
with all the waves beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import BadRequest
from ..address.point import Point
from .wave import Handling, Method, Priority

__all__ = ["LONGEST_WAIT", "to_count", "to_handling", "to_headers", "to_method", "to_point", "to_text"]

LONGEST_WAIT: Final = 3.2e8
"""Seconds in ten years: who waits longer waits as long as this. A timer cannot be set for ever."""
_MOST: Final = 2**31


def _of(value: object) -> str:
    """Names the type of a value; the value itself may be large, and its ``repr`` may do anything."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def to_point(to: object) -> Point:
    """The recipient. Raises ParseError for a text that is no point, BadRequest for what is no text either."""
    if isinstance(to, Point):
        return to
    if isinstance(to, str):
        return Point.parse(str(to))
    raise BadRequest(f"to is {_of(to)}, not a point", hint="give a Point, or its text such as 'localhost:hits'")


def to_method(method: object) -> Method:
    """The method. Raises ParseError for a text that is none, BadRequest for what is no text either."""
    if isinstance(method, Method):
        return method
    if isinstance(method, str):
        return Method.parse(str(method))
    raise BadRequest(f"method is {_of(method)}, not a method", hint="give a Method, or its text such as 'Ext<Add>'")


def to_text(name: str, value: object) -> str:
    """The option ``name``, which is a text. Raises BadRequest."""
    if isinstance(value, str):
        return str(value)
    raise BadRequest(f"{name} is {_of(value)}, not a text", hint=f"write {name}='...'")


def to_headers(headers: object) -> Mapping[str, str] | None:
    """The headers, as a map that nobody else changes. Raises BadRequest."""
    if headers is None:
        return None
    if not isinstance(headers, Mapping):
        raise BadRequest(f"headers are {_of(headers)}, not a map from text to text")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise BadRequest(f"a header is {_of(name)} with {_of(value)}", hint="name and value are texts")
    return {str(name): str(value) for name, value in headers.items()}


def to_handling(wait: Any, retries: Any, priority: Any) -> Handling:
    """How a wave is treated. Raises BadRequest."""
    if isinstance(wait, bool) or not isinstance(wait, int | float):
        raise BadRequest(f"wait is {_of(wait)}, not a number", hint="wait is in seconds, more than 0")
    if isinstance(retries, bool) or not isinstance(retries, int) or retries >= _MOST:
        raise BadRequest(f"retries is {_of(retries)}, not a whole number", hint="retries is 0 or more")
    try:
        level = Priority(priority)
    except (TypeError, ValueError) as exc:
        raise BadRequest(f"priority {priority!r:.40} is not one", hint="0 (first) to 4 (last)") from exc
    # a number that is none is not less than another: Handling refuses it
    return Handling(LONGEST_WAIT if wait > LONGEST_WAIT else float(wait), int(retries), level)


def to_count(count: object) -> int | None:
    """How many echoes of a Ripple are enough; None for all. Raises BadRequest."""
    if count is None:
        return None
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < _MOST:
        raise BadRequest(f"count is {_of(count)}, not a whole number", hint="count is 0 or more, or None")
    return int(count)
