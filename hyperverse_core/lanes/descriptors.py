"""File descriptors: each connection takes one, and a listener must leave some for other uses."""

from __future__ import annotations

import contextlib
import os
import resource

__all__ = ["raise_descriptor_limit", "room_for_connections"]

_ENOUGH = 65_536
_RESERVE = 8192
"""Number of descriptors that connections leave free for other uses, and for connections that a library accepts before
its user learns of them. It is at most half of the limit."""


_raised: list[bool] = []


def raise_descriptor_limit() -> None:
    """Raises the soft limit of file descriptors of this process as far as its hard limit allows, to at most 65,536.

    It does so only once, because a lower limit that is set later is intended.
    """
    if _raised:
        return
    _raised.append(True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS has its own, lower limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def room_for_connections() -> int:
    """Returns how many more connections this process may accept; negative if it has too many."""
    limit = _limit()
    return limit - min(_RESERVE, limit // 2) - _open(limit)


def _limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft


def _open(limit: int) -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))  # noqa: PTH208 - they are counted, nobody needs Paths
        except OSError:  # not available on this system, or no descriptor is left to check with
            continue
    return limit
