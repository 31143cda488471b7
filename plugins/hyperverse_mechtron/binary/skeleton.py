"""Strips code and data from the modules of a component: the result has the same types and compiles immediately."""

from __future__ import annotations

from .reader import ByteReader

__all__ = ["leb128", "skeleton_of"]

_HEADER = 8
_CUSTOM, _CODE, _DATA, _DATA_COUNT = 0, 10, 11, 12
_MODULE, _COMPONENT = 1, 4
_BODY = b"\3\0\0\x0b"
"""A function of three bytes: no variables, and then ``unreachable``."""
_DEEPEST = 32


def skeleton_of(binary: bytes) -> bytes:
    """Returns the component with functions that do nothing. Raises BadRequest when its sections cannot be read."""
    return _component(ByteReader(binary, 0, len(binary)), 0)


def _component(reader: ByteReader, depth: int) -> bytes:
    if depth > _DEEPEST:
        raise reader.fault("components are nested too deeply")
    parts = [_bytes(reader.block(_HEADER))]
    while reader.more:
        number, body = reader.byte(), reader.block(reader.number())
        if number == _MODULE:
            parts.append(_section(number, _module(body)))
        elif number == _COMPONENT:
            parts.append(_section(number, _component(body, depth + 1)))
        elif number != _CUSTOM:
            parts.append(_section(number, _bytes(body)))
    return b"".join(parts)


def _module(reader: ByteReader) -> bytes:
    parts = [_bytes(reader.block(_HEADER))]
    while reader.more:
        number, body = reader.byte(), reader.block(reader.number())
        if number == _CODE:
            count = body.number()
            if count > body.end - body.at:
                raise body.fault(f"{count} functions cannot be in {body.end - body.at} bytes")
            parts.append(_section(number, leb128(count) + _BODY * count))
        elif number not in (_CUSTOM, _DATA, _DATA_COUNT):
            parts.append(_section(number, _bytes(body)))
    return b"".join(parts)


def _bytes(part: ByteReader) -> bytes:
    return part.data[part.at : part.end]


def _section(number: int, content: bytes) -> bytes:
    return bytes([number]) + leb128(len(content)) + content


def leb128(value: int) -> bytes:
    """Encodes an unsigned number in LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
