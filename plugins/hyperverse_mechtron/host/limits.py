"""The limits of one guest."""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["MIB", "GuestLimits"]

MIB: Final = 1 << 20


@attrs.frozen
class GuestLimits:
    """The limits of one guest.

    Attributes:
        seconds: time for each call, waiting included.
        memory: bytes of memory.
        fuel: instructions for each call, roughly; None when they are not counted, which makes interpreters run a third
            faster.
        output: bytes that one call may write to its standard output, and as many to its standard error.
        tables: number of elements of its tables.
    """

    seconds: float = 5.0
    memory: int = 64 * MIB
    fuel: int | None = None
    output: int = 4 * MIB
    tables: int = 100_000
