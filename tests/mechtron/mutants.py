"""Modules that were damaged at random, repeatably."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

__all__ = ["mutants"]

_ODD = (0x00, 0x01, 0x7F, 0x80, 0xFF, 0x0B, 0x40, 0x60, 0x70, 0x6F)


def mutants(originals: Sequence[bytes], count: int, *, seed: int) -> Iterator[bytes]:
    """``count`` damaged copies of the originals.

    Args:
        originals: modules that are right.
        seed: the same seed gives the same copies.
    """
    chance = random.Random(seed)
    for number in range(count):
        found = bytearray(originals[number % len(originals)])
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            _damage(found, originals, chance)
        yield bytes(found)


def _damage(content: bytearray, originals: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(content)) if content else 0
    how = chance.randrange(8)
    if how == 0 and content:
        content[at] ^= 1 << chance.randrange(8)
    elif how == 1 and content:
        content[at] = chance.choice(_ODD)
    elif how == 2:
        del content[at:]
    elif how == 3:
        del content[at : at + chance.randrange(1, 9)]
    elif how == 4:
        content[at:at] = chance.randbytes(chance.randrange(1, 9))
    elif how == 5:  # a number of five bytes, often a huge length
        content[at : at + 1] = bytes((0xFF, 0xFF, 0xFF, 0xFF, chance.choice((0x07, 0x0F, 0x7F))))
    elif how == 6:
        other = chance.choice(originals)
        begin = chance.randrange(len(other))
        content[at : at + chance.randrange(40)] = other[begin : begin + chance.randrange(40)]
    else:
        size = chance.randrange(1, 30)
        content[at:at] = content[at : at + size]
