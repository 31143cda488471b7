"""Units of work, and which of them may form one group."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import attrs
import msgspec

from hyperverse_core.errors import BadRequest

__all__ = ["ALL_LOCKS", "LeftOut", "WriteUnit", "locks_of", "next_group", "sent"]

_MOST: Final = 1024
"""Bounds how long the first of many units waits for the last one."""
_LOOK: Final = 4096
_BYTES: Final = 4 * 1024 * 1024
"""Bytes of the states in a group of several units: other writes wait behind them, among them the renewal of the
lease."""
_BATCHED: Final = frozenset({"register", "assign", "save", "release", "status", "sequence"})
"""Kinds of units that are done together with others of the same kind."""
_LOCKS: Final = 64
ALL_LOCKS: Final = tuple(range(_LOCKS))
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def locks_of(points: Iterable[str]) -> tuple[int, ...]:
    """Returns the advisory locks of ``points``. Each lock is one of 64, however many points there are: a server has
    room for a few thousand."""
    return tuple({zlib.crc32(point.encode("utf-8", "replace")) % _LOCKS for point in points})


@attrs.frozen
class LeftOut:
    """Stands for a state that is not in the answer, because the answer was too large.

    Attributes:
        size: bytes of the state.
    """

    size: int


@attrs.define(eq=False)
class WriteUnit:
    """One write.

    Attributes:
        kind: the database function that does the write.
        job: its argument, as JSON types.
        changes: the points that it changes; None if any point may change.
        locks: the advisory locks that it takes: those of all points of its entries in the feed.
        needs: the points that it depends on.
        states: states that its rows refer to by number, from 1.
        urgent: whether it goes ahead of the writes that already wait.
        future: its outcome: a pair of the function's result and a state.
    """

    kind: str
    job: Any
    changes: frozenset[str] | None
    locks: tuple[int, ...]
    needs: frozenset[str] = frozenset()
    states: tuple[bytes, ...] = ()
    urgent: bool = False
    future: asyncio.Future[tuple[Any, bytes | LeftOut | None]] = attrs.field(
        init=False, factory=lambda: asyncio.get_running_loop().create_future()
    )

    @classmethod
    def at(cls, point: str, kind: str, job: Any) -> WriteUnit:
        """Returns a write that changes only ``point``, and whose entry in the feed is about it."""
        return cls(kind, job, frozenset((point,)), locks_of((point,)))


def next_group(waiting: deque[WriteUnit]) -> list[WriteUnit]:
    """Takes from ``waiting`` the first unit and the units that may be done with it. No unit left in front of a taken
    one touches its points, so that the writes to one point keep their order."""
    group: list[WriteUnit] = []
    left: list[WriteUnit] = []
    changed: set[str] = set()
    needed: set[str] = set()
    passed: set[str] = set()
    closed = False
    size = 0
    for _ in range(min(len(waiting), _LOOK)):
        unit = waiting.popleft()
        if unit.future.done():  # its caller was cancelled before the write began: write nothing
            continue
        if not group:
            group.append(unit)
            size = sum(map(len, unit.states))
            changed.update(unit.changes or ())
            needed.update(unit.needs)
            closed = unit.kind not in _BATCHED or unit.changes is None
            if closed:
                break
            continue
        assert unit is not None
        if unit.changes is None:
            left.append(unit)
            break
        more = sum(map(len, unit.states))
        if unit.kind == group[0].kind and size + more <= _BYTES and _fits(unit, changed, needed, passed):
            group.append(unit)
            size += more
            changed.update(unit.changes)
            needed.update(unit.needs)
            if len(group) == _MOST:
                break
        else:
            left.append(unit)
            passed.update(unit.changes)
            passed.update(unit.needs)
    waiting.extendleft(reversed(left))
    return group


def _fits(unit: WriteUnit, changed: set[str], needed: set[str], passed: set[str]) -> bool:
    assert unit.changes is not None
    if not passed.isdisjoint(unit.changes) or not passed.isdisjoint(unit.needs):
        return False
    if unit.kind == "sequence":  # one point may draw several numbers at once
        return True
    return changed.isdisjoint(unit.changes) and changed.isdisjoint(unit.needs) and needed.isdisjoint(unit.changes)


def sent(group: list[WriteUnit]) -> tuple[list[int], str, list[bytes]]:
    """Returns the locks, the jobs as JSON, and the states of a group.

    Raises:
        BadRequest: PostgreSQL cannot store a text because it has a NUL or half of a surrogate pair.
    """
    states: list[bytes] = []
    for unit in group:
        if unit.states:
            _number(unit, len(states))
            states.extend(unit.states)
    try:
        jobs = msgspec.json.encode([unit.job for unit in group])
    except UnicodeError as error:
        raise BadRequest(f"the registry cannot store this value: {error}") from error
    if b"\\u0000" in jobs and _NUL.search(jobs):
        raise BadRequest("the registry cannot store this value: it has the character NUL")
    locks = {lock for unit in group for lock in unit.locks}
    return sorted(locks), jobs.decode(), states


def _number(unit: WriteUnit, base: int) -> None:
    """Renumbers the states in the rows of a registration so that they count from the start of the group."""
    if unit.kind == "save":
        return
    rows = unit.job if unit.kind == "register" else unit.job[:1]
    number = base
    for row in rows:
        if row[8] is not None:
            number += 1
            row[8] = number
