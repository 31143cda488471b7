"""Substances: the types of bodies, and how a Python value is recognised as one. docs/reference/binds.md#patterns."""

from __future__ import annotations

import enum
import json
from typing import Any, Final

__all__ = ["SUBSTANCES", "Format", "is_substance"]

SUBSTANCES: Final = (
    "Empty",
    "List",
    "Map",
    "Text",
    "Boolean",
    "Int",
    "Bin",
    "Json",
    "Point",
    "Surface",
    "Stub",
    "Details",
    "Particle",
    "Status",
    "Meta",
    "Errors",
    "MultipartForm",
    "RawCommand",
    "Command",
    "DirectedCore",
    "ReflectedCore",
    "UltraWave",
    "Hyper",
    "Hyp",
    "Token",
    "Knock",
    "Greet",
)
"""The names of all substances."""

_TEXTS: Final = frozenset({"Text", "Point", "Surface", "Token", "Status", "MultipartForm"})
_MAPS: Final = frozenset({"Map", "Meta", "Errors"})


class Format(enum.StrEnum):
    """The format of the content of a body."""

    JSON = "json"
    """JSON as text or bytes, or a value that can be written as JSON."""
    IMAGE = "image"
    """Bytes that start like a PNG, JPEG, GIF, WebP, BMP or TIFF file."""

    def fits(self, body: Any) -> bool:
        """Whether the content of ``body`` has this format."""
        return _is_image(body) if self is Format.IMAGE else _holds_json(body)


def is_substance(body: Any, kind: str) -> bool:
    """Whether ``body`` is the substance ``kind``.

    A substance that has no built-in type in Python is recognised by the name of its class.
    """
    match kind:
        case "Empty":
            return body is None
        case "Boolean":
            return isinstance(body, bool)
        case "Int":
            return isinstance(body, int) and not isinstance(body, bool)
        case "Bin":
            return isinstance(body, bytes | bytearray | memoryview)
        case "List":
            return isinstance(body, list | tuple)
        case "Json":
            return body is not None and _is_json(body)
    if kind in _TEXTS and isinstance(body, str):
        return True
    if kind in _MAPS and isinstance(body, dict):
        return True
    return type(body).__name__ == kind


def _is_json(body: Any) -> bool:
    """Whether ``body`` can be written as JSON: it contains no bytes and no other objects, at any depth."""
    left = [body]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            if not all(isinstance(key, str) for key in item):
                return False
            left.extend(item.values())
        elif isinstance(item, list | tuple):
            left.extend(item)
        elif item is not None and not isinstance(item, str | bool | int | float):
            return False
    return True


def _holds_json(body: Any) -> bool:
    if not isinstance(body, str | bytes | bytearray):
        return _is_json(body)
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


_IMAGE_STARTS: Final = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
)


def _is_image(body: Any) -> bool:
    if not isinstance(body, bytes | bytearray):
        return False
    start = bytes(body[:12])
    return start.startswith(_IMAGE_STARTS) or (start.startswith(b"RIFF") and start.endswith(b"WEBP"))
