"""How much memory the body of a wave takes: far more than its bytes, when it is made of many small things.

An empty list is one byte in a frame and 64 in memory, so counting the bytes of frames would let a client fill 64 times
of what it is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import TooLarge
from .plain_values import HEADS, SCALARS

__all__ = ["LEAST", "MOST_GROUPS", "MOST_VALUES", "TINY", "WEIGHTLESS", "frame_weight", "is_too_heavy", "weight_of"]

MOST_VALUES: Final = 1_000_000
"""Values that a body from outside may be made of."""
MOST_GROUPS: Final = 100_000
"""Lists and maps that a body from outside may be made of."""
LEAST: Final = 4096
"""Bytes that the wave of a client takes at the least, with the task that waits for it."""
TINY: Final = 256
"""Bytes of a frame whose body takes no more than that, whatever it is made of."""
_LONG: Final = 100_000
"""Bytes of a frame that may hold more values than are allowed, or weigh much more than they seem to."""
_GROUP, _VALUE = 64, 32
WEIGHTLESS = frozenset({type(None), bool, int, float})
"""Types of bodies that take hardly any memory."""


def frame_weight(body: Any, frame: bytes) -> int:
    """Returns about how many bytes of memory a body takes that came in ``frame``.

    Raises:
        TooLarge: it is made of too many values, or of too many lists and maps.
    """
    size = len(frame)
    if size <= TINY:
        return LEAST
    if type(body) in SCALARS:
        return LEAST + size
    if size <= _LONG:  # about: bytes inside of texts may look like the heads of lists
        return LEAST + 9 * size + _GROUP * (size - len(frame.translate(None, HEADS)))
    return LEAST + size + _weighed(body, bounded=True)


def is_too_heavy(body: Any, frame: bytes) -> bool:
    """Whether :func:`frame_weight` refuses a body."""
    try:
        frame_weight(body, frame)
    except TooLarge:
        return True
    return False


def weight_of(body: Any) -> int:
    """Returns about how many bytes of memory a body takes; 0 for one that takes hardly any."""
    kind = type(body)
    if kind in WEIGHTLESS:
        return 0
    if kind is bytes or kind is str:
        return len(body) if len(body) > TINY else 0
    return _weighed(body, bounded=False)


def _weighed(body: Any, *, bounded: bool) -> int:
    """The memory of lists, maps and what is in them. Not recursive: how deep it is was checked, or will be."""
    weight = values = groups = 0
    rest: list[Any] = [body]
    while rest:
        group = rest.pop()
        groups += 1
        values += len(group)
        if bounded and (values > MOST_VALUES or groups > MOST_GROUPS):
            raise TooLarge(
                f"the body is made of more than {MOST_VALUES} values or {MOST_GROUPS} lists and maps",
                hint="send it in parts, or as bytes",
            )
        weight += _GROUP + _VALUE * len(group)
        for value in group.values() if isinstance(group, Mapping) else group:
            kind = type(value)
            if kind is str or kind is bytes:
                weight += len(value)
            elif kind not in WEIGHTLESS and hasattr(value, "__len__"):
                rest.append(value)
    return weight
