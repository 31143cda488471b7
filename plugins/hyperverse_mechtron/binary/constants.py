"""Initial values of globals."""

from __future__ import annotations

from .reader import ByteReader

__all__ = ["pass_over_constant"]


def pass_over_constant(body: ByteReader) -> int | None:
    """Skips the expression of an initial value. Returns the opcode of an unknown instruction, at which it stops."""
    while True:
        code = body.byte()
        if code == 0x0B:
            return None
        if code in (0x41, 0x42, 0x23, 0xD0, 0xD2):
            body.skip_signed()
        elif code == 0x43:
            body.skip(4)
        elif code == 0x44:
            body.skip(8)
        elif code == 0xFD:
            body.number()
            body.skip(16)
        elif code not in (0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E):
            return code
