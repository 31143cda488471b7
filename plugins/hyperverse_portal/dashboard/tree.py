"""The part of the tree of particles that fits on the overview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from .questions import Failed, Questions

__all__ = ["Branch", "tree"]

_ROWS: Final = 60
"""Rows of the whole tree."""
_BELOW: Final = 9
"""Greatest number of rows below one particle, unless only one more is left."""
_ASKED: Final = 24
"""Greatest number of particles whose children are read."""
_DEPTH: Final = 6
_OWN: Final = "hyperspace"
"""The platform's own points, which come last."""


@attrs.define
class Branch:
    """A particle with some of its children.

    Attributes:
        point, kind, status: of the particle.
        below: some of its children.
        more: how many other children it has.
        many: whether it has more than could be counted.
    """

    point: str
    kind: str
    status: str
    below: list[Branch] = attrs.field(factory=list)
    more: int = 0
    many: bool = False

    @property
    def name(self) -> str:
        """The last part of its point."""
        return self.point.rpartition(":")[2]


class _Room:
    """The rows and the questions that are left."""

    def __init__(self) -> None:
        self.rows = _ROWS
        self.questions = _ASKED


async def tree(asking: Questions) -> list[Branch]:
    """The first particles that the agent may see, with their children."""
    room = _Room()
    found = await asking.part(asking.select("*"))
    if isinstance(found, Failed):
        return []
    items = sorted(found["items"], key=lambda row: row["point"] == _OWN)
    top = _branches(items, room)[0]
    await _grow(top, asking, room)
    return top


async def _grow(level: Sequence[Branch], asking: Questions, room: _Room) -> None:
    """Fills the tree level by level, so that particles near the root come first. If a particle has no children, its
    siblings of the same Kind are not asked for theirs."""
    empty: set[tuple[str, str]] = set()
    for _ in range(_DEPTH):
        following: list[Branch] = []
        for branch in level:
            sort = (branch.point.rpartition(":")[0], branch.kind)
            if room.rows <= 0 or room.questions <= 0 or sort in empty:
                continue
            room.questions -= 1
            found = await asking.part(asking.select(f"{branch.point}:*"))
            if isinstance(found, Failed):
                continue
            branch.below, branch.more = _branches(found["items"], room)
            if not found["items"]:
                empty.add(sort)
            branch.many = bool(found["after"])
            following += branch.below
        level = following


def _branches(rows: Sequence[dict[str, Any]], room: _Room) -> tuple[list[Branch], int]:
    """Returns some of these, and how many are left out."""
    most = min(_BELOW if len(rows) > _BELOW + 1 else _BELOW + 1, max(0, room.rows))
    shown = [Branch(row["point"], row["kind"], row["status"]) for row in rows[:most]]
    room.rows -= len(shown)
    return shown, len(rows) - len(shown)
