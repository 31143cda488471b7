"""Determines the memory that the body of a wave uses, which is far more than its bytes if it consists of many small
values.

An empty list is one byte in a frame and 64 in memory, so a limit on the bytes of frames would let a client use 64 times
as much memory as it is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import TooLarge
from .plain_values import HEADS, SCALARS

__all__ = ["LEAST", "MOST_GROUPS", "MOST_VALUES", "TINY", "WEIGHTLESS", "frame_weight", "is_too_heavy", "weight_of"]

MOST_VALUES: Final = 1_000_000
"""Greatest number of values that a body from outside may contain."""
MOST_GROUPS: Final = 100_000
"""Greatest number of lists and maps that a body from outside may contain."""
LEAST: Final = 4096
"""Least number of bytes that a client's wave uses, including the task that waits for it."""
TINY: Final = 256
"""Size of a frame, in bytes, whose body cannot use more memory than that."""
_LONG: Final = 100_000
"""Bytes of a frame that may contain more values than are allowed, or use much more memory than its size suggests."""
_GROUP, _VALUE = 64, 32
WEIGHTLESS = frozenset({type(None), bool, int, float})
"""Types of bodies that use hardly any memory."""


def frame_weight(body: Any, frame: bytes) -> int:
    """Returns the approximate number of bytes of memory that is used by a body that arrived in ``frame``.

    Raises:
        TooLarge: it contains too many values, or too many lists and maps.
    """
    size = len(frame)
    if size <= TINY:
        return LEAST
    if type(body) in SCALARS:
        return LEAST + size
    if size <= _LONG:  # approximate: bytes inside strings may look like the heads of lists
        return LEAST + 9 * size + _GROUP * (size - len(frame.translate(None, HEADS)))
    return LEAST + size + _weighed(body, bounded=True)


def is_too_heavy(body: Any, frame: bytes) -> bool:
    """Returns whether :func:`frame_weight` refuses a body."""
    try:
        frame_weight(body, frame)
    except TooLarge:
        return True
    return False


def weight_of(body: Any) -> int:
    """Returns the approximate bytes of memory that a body uses; 0 for one that uses hardly any."""
    kind = type(body)
    if kind in WEIGHTLESS:
        return 0
    if kind is bytes or kind is str:
        return len(body) if len(body) > TINY else 0
    return _weighed(body, bounded=False)


def _weighed(body: Any, *, bounded: bool) -> int:
    """Returns the memory of lists, maps and their contents. Not recursive: the depth is checked elsewhere."""
    weight = values = groups = 0
    rest: list[Any] = [body]
    while rest:
        group = rest.pop()
        groups += 1
        values += len(group)
        if bounded and (values > MOST_VALUES or groups > MOST_GROUPS):
            raise TooLarge(
                f"the body has more than {MOST_VALUES} values or {MOST_GROUPS} lists and maps",
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
