"""What one component has of WASI preview 2: its arguments and variables, its timers, and what it prints."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from .faults import HostFault

__all__ = ["Preview2"]

_MOST: Final = 10_000
"""Pollables, streams and the like that a guest may hold at once: the platform remembers each of them."""
_LINE: Final = 8192
"""Bytes after which a line is taken for ended."""


class Preview2:
    """What one component has of WASI preview 2.

    Args:
        arguments: with the name of the program as the first.
        environment: its environment variables.

    Attributes:
        arguments, environment: these.
        timers: when those that it waits for end, in nanoseconds of the monotonic clock, by their numbers.
    """

    def __init__(self, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        self.arguments = list(arguments)
        self.environment = dict(environment or {})
        self.timers: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._held = 0
        self._begun: dict[int, bytearray] = {}

    def hold(self) -> None:
        """It is given a resource. Raises HostFault when it holds too many."""
        if self._held >= _MOST:
            raise HostFault(f"the guest holds {_MOST:,} pollables and streams of WASI, and lets go of none")
        self._held += 1

    def let_go(self) -> None:
        """It has dropped a resource."""
        self._held -= 1

    def timer(self, end: int) -> int:
        """Begins a timer. Returns its number."""
        number = next(self._numbers)
        self.timers[number] = end
        return number

    def write(self, which: int, data: bytes, log: Callable[[str], None]) -> None:
        """It prints something; what is behind the last line waits for its end.

        Args:
            which: 1 for its output, 2 for its error output.
            data: what it prints.
            log: takes a line.
        """
        begun = self._begun.setdefault(which, bytearray())
        begun += data
        *lines, rest = bytes(begun).split(b"\n")
        while len(rest) > _LINE:
            lines.append(rest[:_LINE])
            rest = rest[_LINE:]
        for line in lines:
            log(line[:_LINE].decode("utf-8", "replace"))
        begun[:] = rest

    def end_lines(self, log: Callable[[str], None]) -> None:
        """A call has ended: what it has printed last is a line, too."""
        for begun in self._begun.values():
            if begun:
                log(begun.decode("utf-8", "replace"))
                begun.clear()
