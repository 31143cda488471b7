"""Pipelines: the way of a wave through stops, ``-> (()) => &`` (universe 6.1)."""

from __future__ import annotations

import enum
from typing import Any, Final

import attrs

from .pattern import Pattern
from .stop import Stop

__all__ = ["DIRECT", "REFLECT_ARROW", "Arrow", "Direction", "Pipeline", "Step"]


class Direction(enum.Enum):
    """Which way a wave goes: ``-`` on as a request, ``=`` back as a reply. Recorded; it changes nothing."""

    DIRECT = "-"
    REFLECT = "="


@attrs.frozen
class Arrow:
    """``->``, ``=>``, ``-[ Text ]->``: the way to a stop, and what the body must be to go it.

    Attributes:
        entry: the mark in front of the pattern.
        pattern: None when the body may be anything.
        exit: the mark behind the pattern, the same as ``entry`` where there is none.
    """

    entry: Direction = Direction.DIRECT
    pattern: Pattern | None = None
    exit: Direction = Direction.DIRECT

    def __str__(self) -> str:
        if self.pattern is None:
            return f"{self.exit.value}>"
        inner = str(self.pattern)
        return f"{self.entry.value}[{f' {inner} ' if inner else ''}]{self.exit.value}>"


DIRECT: Final = Arrow()
REFLECT_ARROW: Final = Arrow(Direction.REFLECT, None, Direction.REFLECT)


@attrs.frozen
class Step:
    """One stop of a pipeline and the way to it.

    Attributes:
        entry, pattern, exit: as in :class:`Arrow`.
        stop: where it leads.
    """

    entry: Direction
    pattern: Pattern | None
    exit: Direction
    stop: Stop

    @property
    def arrow(self) -> Arrow:
        """The way to the stop."""
        return Arrow(self.entry, self.pattern, self.exit)

    def accepts(self, body: Any) -> bool:
        """Whether ``body`` may go this way."""
        return self.pattern is None or self.pattern.matches(body)

    def __str__(self) -> str:
        return f"{self.arrow} {self.stop}"


@attrs.frozen
class Pipeline:
    """Stops, in the order in which a wave passes them."""

    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.steps))
