"""Removes bodies that are too large to be decoded. An empty list is one byte in a frame and 64 in memory, and creating
millions of them would block the event loop for a second before they could be refused."""

from __future__ import annotations

import msgspec

__all__ = ["without_body"]

_BODY = 4
"""Index of the body in the frame of a client's wave, after tag, id, recipients and method."""
_OF_CLIENTS = frozenset({4, 5, 6})
"""Tags of these frames."""
_NOTHING = msgspec.Raw(b"\xc0")
_parts = msgspec.msgpack.Decoder(list[msgspec.Raw])


def without_body(frame: bytes, largest: int) -> tuple[bytes, int]:
    """Returns the frame of a client's wave without its body, and the size of the body in bytes, if that is more than
    ``largest``; any other frame unchanged, and 0. The body is not decoded."""
    try:
        parts = _parts.decode(frame)
        if len(parts) <= _BODY or msgspec.msgpack.decode(parts[0]) not in _OF_CLIENTS:
            return frame, 0
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return frame, 0  # decoding it reports what is wrong
    size = memoryview(parts[_BODY]).nbytes
    if size <= largest:
        return frame, 0
    parts[_BODY] = _NOTHING
    return msgspec.msgpack.encode(parts), size
