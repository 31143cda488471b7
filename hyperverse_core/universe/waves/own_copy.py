"""Bodies that pass from one particle to another are copied, on one machine as well as between two."""

from __future__ import annotations

from typing import Any, Final

from ...errors import BadRequest

__all__ = ["IMMUTABLE", "own_copy"]

IMMUTABLE: Final = frozenset({type(None), bool, int, float, str, bytes})
"""Types of bodies that need no copy."""
_DEEPEST: Final = 64


def own_copy(body: Any, levels: int = _DEEPEST) -> Any:
    """Returns a body that shares no list or map with ``body``, so that its receiver may change it freely.

    Tuples and sets become lists, as they do on a lane. Values that no lane can carry are passed on unchanged.

    Args:
        body: a body, or a part of one.
        levels: how many levels of lists and maps are allowed.

    Raises:
        BadRequest: it has more levels than may be sent.
    """
    if not levels and isinstance(body, dict | list | tuple | set | frozenset):
        raise BadRequest(f"the body cannot be sent: it has more than {_DEEPEST} levels of lists and maps")
    left = levels - 1
    if isinstance(body, dict):
        own = {}
        for key, value in body.items():  # a comprehension would cost one more call
            own[key] = value if type(value) in IMMUTABLE else own_copy(value, left)
        return own
    if isinstance(body, list | tuple | set | frozenset):
        return [value if type(value) in IMMUTABLE else own_copy(value, left) for value in body]
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    return body
