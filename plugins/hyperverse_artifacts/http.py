"""Answers to ``Http<Get>``, with conditional requests and ranges."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from hyperverse_core import Pong

__all__ = ["ranged"]

_RANGE: Final = re.compile(r"bytes=\s*(\d*)-(\d*)\s*")


async def ranged(
    asked: Mapping[str, str],
    size: int,
    tag: str,
    read: Callable[[int, int], Awaitable[bytes]],
    said: Mapping[str, str],
) -> Pong:
    """Returns the answer: 200, 206 for one range, 304 if the client already has the content, 416 if the range is
    outside the content.

    Args:
        asked: headers of the request.
        size: bytes of the whole content.
        tag: its ETag, in quotes.
        read: returns the bytes of a range, by offset and length.
        said: headers of the answer.
    """
    asked = {key.lower(): value for key, value in asked.items()}
    headers = {**said, "etag": tag, "accept-ranges": "bytes"}
    known = [one.strip().removeprefix("W/") for one in asked.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Pong(304, None, headers=headers)
    wanted = asked.get("range") if asked.get("if-range", tag) == tag else None
    span = None if wanted is None else _span(wanted, size)
    if span is None:
        return Pong(200, await read(0, size), headers=headers)
    first, last = span
    if first > last:
        error = {"error": f"the content has {size} bytes; the range {wanted!r} is outside of it"}
        return Pong(416, error, headers={**headers, "content-range": f"bytes */{size}"})
    content = await read(first, last - first + 1)
    return Pong(206, content, headers={**headers, "content-range": f"bytes {first}-{last}/{size}"})


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """Returns the first and the last byte of a range; an empty span if it is outside the content. Returns None for
    several ranges, other units and malformed headers, which are ignored."""
    found = _RANGE.fullmatch(wanted)
    if found is None or len(wanted) > 60:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        return max(0, size - int(last)), size - 1 if int(last) else -1
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return 1, 0
    return int(first), min(size - 1, int(last)) if last else size - 1
