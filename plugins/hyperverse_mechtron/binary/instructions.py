"""Walks over the instructions of a function, to find those that change a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .reader import ByteReader

__all__ = ["changes_of_tables"]

_NONE: Final = frozenset((0x00, 0x01, 0x05, 0x0A, 0x0B, 0x0F, 0x19, 0x1A, 0x1B, 0xD1, 0xD3, 0xD4, *range(0x45, 0xC5)))
_BLOCKS: Final = frozenset((0x02, 0x03, 0x04, 0x06))
_ONE: Final = frozenset(
    (0x07, 0x08, 0x09, 0x0C, 0x0D, 0x10, 0x12, 0x14, 0x15, 0x18, 0x3F, 0x40, 0xD2, 0xD5, 0xD6, *range(0x20, 0x27))
)
_TWO: Final = frozenset((0x11, 0x13))
_TABLE_SET: Final = 0x26
_OF_TABLES: Final = {12: "table.init", 14: "table.copy", 15: "table.grow", 17: "table.fill"}
_AFTER_FC: Final = {8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}
"""How many numbers follow an instruction with the prefix 0xFC."""


def changes_of_tables(body: ByteReader) -> Iterator[str]:
    """The names of the instructions in a function that change a table. Raises BadRequest where an instruction is not
    known.

    Args:
        body: the function, with its variables.
    """
    for _ in range(body.number()):
        body.number()
        if body.byte() in (0x63, 0x64):
            body.skip_signed()
    while body.more:
        found = _instruction(body)
        if found:
            yield found


def _instruction(body: ByteReader) -> str:
    code = body.byte()
    if code in _ONE:
        body.number()
        return "table.set" if code == _TABLE_SET else ""
    if code in _NONE:
        return ""
    if 0x28 <= code <= 0x3E:
        _address(body)
    elif code in _BLOCKS or code in (0x41, 0x42, 0xD0):
        body.skip_signed()
    elif code in _TWO:
        body.number()
        body.number()
    elif code == 0x43:
        body.skip(4)
    elif code == 0x44:
        body.skip(8)
    else:
        return _rarer(code, body)
    return ""


def _rarer(code: int, body: ByteReader) -> str:
    if code == 0xFC:
        inner = body.number()
        for _ in range(_AFTER_FC.get(inner, 0)):
            body.number()
        return _OF_TABLES.get(inner, "")
    if code == 0xFD:
        _vector(body, body.number())
    elif code == 0xFE:
        if body.number() == 3:
            body.byte()
        else:
            _address(body)
    elif code == 0x0E:
        for _ in range(body.number() + 1):
            body.number()
    elif code == 0x1C:
        for _ in range(body.number()):
            if body.byte() in (0x63, 0x64):
                body.skip_signed()
    elif code == 0x1F:
        _try_table(body)
    else:
        raise body.fault(f"the instruction {code:#04x} is not known")
    return ""


def _vector(body: ByteReader, inner: int) -> None:
    if inner <= 11 or inner in (92, 93):
        _address(body)
    elif inner in (12, 13):
        body.skip(16)
    elif 21 <= inner <= 34:
        body.byte()
    elif 84 <= inner <= 91:
        _address(body)
        body.byte()


def _try_table(body: ByteReader) -> None:
    body.skip_signed()
    for _ in range(body.number()):
        if body.byte() < 2:
            body.number()
        body.number()


def _address(body: ByteReader) -> None:
    if body.number() & 0x40:
        body.number()  # which memory
    body.number(64)
