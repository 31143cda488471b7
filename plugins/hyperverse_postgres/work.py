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

__all__ = ["ALL_LOCKS", "LeftOut", "WriteQueue", "WriteUnit", "entries_of", "locks_of", "sent"]

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


@attrs.define(eq=False)
class WriteQueue:
    """Writes that wait. The first one and those that may be done with it form the next group.

    They form it as they arrive, while the server works on the group before: otherwise the server would wait 2 us for
    each write. No write is taken before one that touches the same points, so the writes to a point keep their order.
    """

    _group: list[WriteUnit] = attrs.field(factory=list, init=False)
    _behind: deque[WriteUnit] = attrs.field(factory=deque, init=False)
    _urgent: deque[WriteUnit] = attrs.field(factory=deque, init=False)
    _changed: set[str] = attrs.field(factory=set, init=False)
    _needed: set[str] = attrs.field(factory=set, init=False)
    _passed: set[str] = attrs.field(factory=set, init=False)
    _bytes: int = attrs.field(default=0, init=False)
    _full: bool = attrs.field(default=False, init=False)

    def __len__(self) -> int:
        return len(self._urgent) + len(self._group) + len(self._behind)

    def put(self, unit: WriteUnit) -> None:
        """Adds a write."""
        if unit.urgent:
            self._urgent.append(unit)
        elif not self._group:
            self._begin(unit)
        elif not self._joined(unit):
            self._behind.append(unit)
            if unit.changes is None:
                self._full = True  # nothing may pass it
            else:
                self._passed.update(unit.changes)
                self._passed.update(unit.needs)

    def take(self) -> list[WriteUnit]:
        """Removes the next group, without writes whose callers were cancelled. Returns none when no write waits."""
        group: list[WriteUnit] = []
        while not group and len(self):
            if self._urgent:
                group = [self._urgent.popleft()]
            else:
                group, behind, self._behind = self._group, self._behind, deque()
                self._group = []
                for _ in range(min(len(behind), _LOOK)):
                    self.put(behind.popleft())
                if behind:
                    self._behind.extend(behind)
                    self._full = True
            group = [unit for unit in group if not unit.future.done()]
        return group

    def clear(self) -> list[WriteUnit]:
        """Removes all writes, and returns them."""
        all_of_them = [*self._urgent, *self._group, *self._behind]
        self._urgent.clear()
        self._group = []
        self._behind.clear()
        return [unit for unit in all_of_them if not unit.future.done()]

    def _begin(self, unit: WriteUnit) -> None:
        self._group = [unit]
        self._bytes = sum(map(len, unit.states))
        self._changed = set(unit.changes or ())
        self._needed = set(unit.needs)
        self._passed = set()
        self._full = unit.kind not in _BATCHED or unit.changes is None

    def _joined(self, unit: WriteUnit) -> bool:
        more = sum(map(len, unit.states)) if unit.states else 0
        if (
            self._full
            or unit.kind != self._group[0].kind
            or unit.changes is None
            or self._bytes + more > _BYTES
            or not self._fits(unit, unit.changes)
        ):
            return False
        self._group.append(unit)
        self._bytes += more
        self._changed |= unit.changes
        self._needed |= unit.needs
        self._full = len(self._group) >= _MOST
        return True

    def _fits(self, unit: WriteUnit, changes: frozenset[str]) -> bool:
        if self._passed and not (self._passed.isdisjoint(changes) and self._passed.isdisjoint(unit.needs)):
            return False
        if unit.kind == "sequence":  # one point may draw several numbers at once
            return True
        return (
            self._changed.isdisjoint(changes)
            and self._changed.isdisjoint(unit.needs)
            and self._needed.isdisjoint(changes)
        )


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


def entries_of(group: list[WriteUnit], outcomes: list[Any], counted: int) -> int:
    """Returns how many entries of the feed a group has written.

    Args:
        group: writes of one kind.
        outcomes: what the database function said to each.
        counted: how many the server has counted. Where it does not count, it gives the number
            of the writes, refused ones included.
    """
    match group[0].kind:
        case "register":
            return sum(len(unit.job) for unit, said in zip(group, outcomes, strict=True) if said is True)
        case "assign":
            return sum(type(said) is int for said in outcomes)
        case "save" if counted:  # at least one was to be announced
            return outcomes.count(True)
    return counted


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
