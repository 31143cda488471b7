"""Chooses the machines that this one watches: a few, and more while some of them do not renew.

The machines form a ring, ordered by a hash of their names, which is the same everywhere. Each machine watches the next
:data:`FEW`, so that many notice the death of a machine. For each watched machine that stops renewing, three more are
watched, because the machines after it may have no other watcher left. When all machines but one die, that one watches
3, then 9, 27 and so on, each time half a lease later: of n machines, it notices the last one half a lease times the
base-3 logarithm of n later than if it had watched that one from the beginning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from functools import lru_cache

__all__ = ["FEW", "neighbours"]

FEW = 3
"""Number of machines that each machine watches."""
_MORE = 2
"""Number of additional machines that are watched for each one that does not renew."""


def neighbours(own: str, others: Iterable[str], still: Collection[str]) -> list[str]:
    """Returns the machines that a machine watches, in the order of the ring.

    Args:
        own: name of this machine.
        others: names of the other machines.
        still: those of them that were seen not to renew.
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
