"""Finds faults that would make a module fail when it is instantiated, without running it.

Anything that this reader does not understand is skipped: wasmtime validates it, or instantiation fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

from hyperverse_core.errors import BadRequest

from .constants import pass_over_constant
from .contents import PAGE, ExternLimits
from .reader import ByteReader

__all__ = ["constant_of", "elements_outside", "segments_outside"]

_CONST, _END = 0x41, 0x0B
_PASSIVE: Final = 1
_NAMED: Final = 2
_EXPRESSIONS: Final = 4


def segments_outside(body: ByteReader, memories: Sequence[ExternLimits]) -> list[str]:
    """Returns the data segments that do not fit in their memory, one sentence for each.

    Args:
        body: the data section.
        memories: the memories of the module.
    """
    found: list[str] = []
    with contextlib.suppress(BadRequest):  # wasmtime reports malformed modules
        found.extend(_segments_outside(body, memories))
    return found


def _segments_outside(body: ByteReader, memories: Sequence[ExternLimits]) -> Iterator[str]:
    for number in range(body.number()):
        flags = body.number()
        which = body.number() if flags & _NAMED else 0
        known, at = (True, None) if flags & _PASSIVE else _constant(body)
        if not known:
            return
        size = body.number()
        body.skip(size)
        if at is not None and which < len(memories) and at + size > memories[which].least * PAGE:
            yield (
                f"data segment {number} has {size} bytes at {at}, and the memory begins with "
                f"{memories[which].least * PAGE}"
            )


def elements_outside(body: ByteReader, tables: Sequence[ExternLimits]) -> list[str]:
    """Returns the element segments that do not fit in their table, one sentence for each.

    Args:
        body: the element section.
        tables: the tables of the module.
    """
    found: list[str] = []
    with contextlib.suppress(BadRequest):  # likewise
        found.extend(_elements_outside(body, tables))
    return found


def _elements_outside(body: ByteReader, tables: Sequence[ExternLimits]) -> Iterator[str]:
    for number in range(body.number()):
        flags = body.number()
        which = body.number() if flags & _NAMED and not flags & _PASSIVE else 0
        known, at = (True, None) if flags & _PASSIVE else _constant(body)
        if not known:
            return
        if flags & (_PASSIVE | _NAMED) and body.byte() in (0x63, 0x64):  # a reference to a type of the module
            body.skip_signed()
        count = body.number()
        for _ in range(count):
            if not flags & _EXPRESSIONS:
                body.number()
            elif pass_over_constant(body) is not None:
                return
        if at is not None and which < len(tables) and at + count > tables[which].least:
            yield (
                f"element segment {number} has {count} elements at {at}, and the table begins with "
                f"{tables[which].least}"
            )


def constant_of(body: ByteReader, index: int) -> int | None:
    """Returns the number that a function returns; None when the function does anything else.

    Args:
        body: the code section.
        index: index of the function among those that the module defines.
    """
    with contextlib.suppress(BadRequest):  # likewise
        if index < body.number():
            for _ in range(index):
                body.skip(body.number())
            code = body.block(body.number())
            if code.number() == 0:  # it has no variables
                known, value = _constant(code)
                return value if known else None
    return None


def _constant(body: ByteReader) -> tuple[bool, int | None]:
    """Skips an expression. Returns whether it was understood, and its number if it is a single constant."""
    start = body.at
    if body.byte() == _CONST:
        value = _signed(body)
        if body.byte() == _END:
            return True, value
    body.at = start
    return pass_over_constant(body) is None, None


def _signed(body: ByteReader) -> int:
    """Reads a signed 32-bit LEB128 number and returns it as an unsigned one."""
    result = shift = 0
    while True:
        byte = body.byte()
        result |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (result - (1 << shift) if byte & 0x40 else result) & 0xFFFF_FFFF
        if shift > 35:
            raise body.fault("a number has more than 32 bits")
