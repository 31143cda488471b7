"""Bodies that are too large, and so are not read at all: an empty list is one byte in a frame and 64 in memory, and
making millions of them takes the loop for a second before anybody can refuse them."""

from __future__ import annotations

import msgspec

__all__ = ["without_body"]

_BODY = 4
"""The place of the body in the frame of a client's wave, behind tag, id, recipients and method."""
_OF_CLIENTS = frozenset({4, 5, 6})
"""Tags of these frames."""
_NOTHING = msgspec.Raw(b"\xc0")
_parts = msgspec.msgpack.Decoder(list[msgspec.Raw])


def without_body(frame: bytes, largest: int) -> tuple[bytes, int]:
    """Returns the frame of a client's wave without its body, and the bytes that the body has, if these are more than
    ``largest``; any other frame as it is, and 0. Nothing of the body is made into values."""
    try:
        parts = _parts.decode(frame)
        if len(parts) <= _BODY or msgspec.msgpack.decode(parts[0]) not in _OF_CLIENTS:
            return frame, 0
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return frame, 0  # whoever decodes it says what is wrong
    size = memoryview(parts[_BODY]).nbytes
    if size <= largest:
        return frame, 0
    parts[_BODY] = _NOTHING
    return msgspec.msgpack.encode(parts), size
