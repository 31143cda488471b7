"""Pipelines: the steps of a wave, such as ``-> (()) => &``. docs/reference/binds.md#pipelines.

`grammar.parse_pipeline`, `parse_step` and `parse_arrow` read them from text.
"""

from __future__ import annotations

import enum
from typing import Any, Final

import attrs

from .pattern import Pattern
from .stop import Stop

__all__ = ["DIRECT", "REFLECT_ARROW", "Arrow", "Direction", "Pipeline", "Step"]


class Direction(enum.Enum):
    """The mark of an arrow: ``-`` for a request that goes on, ``=`` for a reply. It is for readers only."""

    DIRECT = "-"
    REFLECT = "="


@attrs.frozen
class Arrow:
    """The way to a stop: ``->``, ``=>`` or, with a pattern of the body, ``-[ Text ]->``.

    Attributes:
        entry: the mark in front of the pattern.
        pattern: the pattern that the body must match; None for every body.
        exit: the mark after the pattern. Without a pattern it is the same as ``entry``.
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
    """A stop of a pipeline, and the way to it.

    Attributes:
        entry, pattern, exit: the arrow, as in :class:`Arrow`.
        stop: the stop.
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
        """Whether a wave with ``body`` may take this step."""
        return self.pattern is None or self.pattern.matches(body)

    def __str__(self) -> str:
        return f"{self.arrow} {self.stop}"


@attrs.frozen
class Pipeline:
    """The steps of a wave, in order.

    Attributes:
        steps: the steps; none for an empty pipeline.
    """

    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.steps))
