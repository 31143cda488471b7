"""How long the database may take to answer before its connection counts as dead.

A server that is unplugged or stopped sends nothing, and a server that is merely slow sends nothing for a while either.
So the first wait is short, about half a lease, and each further wait for the same answer is twice as long: a write that
was sent again waits at the server behind the first attempt, and gets its outcome.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final

import attrs

__all__ = ["LARGE", "AnswerTimes", "watched"]

_UNKNOWN: Final = 5.0
"""Seconds for a program that has not announced a star, and so has no lease."""
_LEAST: Final = 0.5
_MOST: Final = 10.0
_LONGEST: Final = 35.0
"""Longest wait in seconds: longer than the server lets a statement run."""
_SILENT: Final = 10
"""Seconds in which the other side of a connection must acknowledge data. Most silence is noticed earlier; this bound is
for long operations."""


@attrs.define(eq=False)
class AnswerTimes:
    """Shared by the connections of one machine.

    Attributes:
        first: seconds for the first answer.
    """

    first: float = _UNKNOWN

    def within(self, lease: float) -> None:
        """Sets the waits for a machine that must renew its lease every ``lease`` seconds."""
        self.first = min(max(lease / 2, _LEAST), _MOST)

    @property
    def connect(self) -> float:
        """Seconds in which a connection must be established."""
        return min(max(2 * self.first, 1.0), _UNKNOWN)

    def wait(self, broken: int) -> float:
        """Seconds to wait for an answer after ``broken`` connections have given none."""
        return float(min(self.first * 2**broken, _LONGEST))

    def is_last(self, broken: int) -> bool:
        """Whether the wait after ``broken`` connections is already the longest one."""
        return self.wait(broken) >= _LONGEST


LARGE: Final = _LONGEST
"""Seconds for a large answer. The operating system notices a silent network, see :func:`watched`."""


def watched(transport: asyncio.BaseTransport | None) -> None:
    """Makes the operating system watch a TCP connection, as far as it can."""
    made: Any = None if transport is None else transport.get_extra_info("socket")
    if made is None or made.family not in (socket.AF_INET, socket.AF_INET6):
        return
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _SILENT // 2),
        ("TCP_KEEPINTVL", 2),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", _SILENT * 1000),
    ):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
