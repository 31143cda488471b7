"""The WASI preview 2 state of one component: its arguments, variables and timers, and what it prints."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from .faults import HostFault

__all__ = ["Preview2"]

_MOST: Final = 10_000
"""Pollables, streams and other resources that a guest may hold at once: the platform tracks each of them."""
_LINE: Final = 8192
"""Bytes after which a line counts as complete."""


class Preview2:
    """The WASI preview 2 state of one component.

    Args:
        arguments: its arguments; the first is the name of the program.
        environment: its environment variables.

    Attributes:
        arguments, environment: as given.
        timers: by number, when each of its timers fires, in nanoseconds of the monotonic clock.
    """

    def __init__(self, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        self.arguments = list(arguments)
        self.environment = dict(environment or {})
        self.timers: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._held = 0
        self._begun: dict[int, bytearray] = {}

    def hold(self) -> None:
        """Counts a resource given to the guest. Raises HostFault when the guest holds too many."""
        if self._held >= _MOST:
            raise HostFault(f"the guest holds {_MOST:,} WASI pollables and streams, and drops none")
        self._held += 1

    def let_go(self) -> None:
        """Counts a resource that the guest dropped."""
        self._held -= 1

    def timer(self, end: int) -> int:
        """Starts a timer. Returns its number."""
        number = next(self._numbers)
        self.timers[number] = end
        return number

    def write(self, which: int, data: bytes, log: Callable[[str], None]) -> None:
        """Takes what the guest prints. Text after the last line break is kept until its line is complete.

        Args:
            which: 1 for standard output, 2 for standard error.
            data: what it prints.
            log: called with each line.
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
        """A call has ended: logs the text that is not yet a complete line."""
        for begun in self._begun.values():
            if begun:
                log(begun.decode("utf-8", "replace"))
                begun.clear()
