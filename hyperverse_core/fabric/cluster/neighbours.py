"""Which machines this one watches: a few of all, and more of them while some of those stand still.

The machines stand in a ring, in the order of a hash of their names, which is the same everywhere. Each watches the next
:data:`FEW`, so that the death of a machine is noticed by so many. One that is seen to stand still counts for three that
are not: the machines behind it may have nobody else any more. When all machines die but one, it watches 3, then 9, 27
and so on, each time half a lease later: of n machines the last is noticed half a lease times the logarithm of n to the
base 3 later than it would be by somebody who had watched it from the beginning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from functools import lru_cache

__all__ = ["FEW", "neighbours"]

FEW = 3
"""Machines that each machine watches."""
_MORE = 2
"""Additional machines that are watched for each one that stands still."""


def neighbours(own: str, others: Iterable[str], still: Collection[str]) -> list[str]:
    """The machines that a machine watches, in their order behind it.

    Args:
        own: its name.
        others: the names of the others.
        still: those of them that are seen to stand still.
    """
    here = _place(own)
    ring = sorted((_place(name) for name in others if name != own), key=lambda place: (place < here, place))
    watched: list[str] = []
    wanted = FEW
    for _, name in ring:
        if len(watched) >= wanted:
            break
        watched.append(name)
        wanted += _MORE * (name in still)
    return watched


@lru_cache(maxsize=4096)
def _place(name: str) -> tuple[bytes, str]:
    return hashlib.blake2b(name.encode(), digest_size=8).digest(), name
