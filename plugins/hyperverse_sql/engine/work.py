"""What a write is, and how writes that arrive together are grouped.

A write is a :class:`Unit`: a function (a :data:`Work`), its argument, and the points that it touches. Units of the same
Work that touch different points are passed to it as one list, so that a hundred registrations take a handful of
statements. A Work checks all its arguments before it writes: a unit that cannot be done gets its error, and the others
are not affected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs

from hyperverse_core.errors import HyperverseError

from .transaction import Transaction

__all__ = ["Group", "Unit", "Work", "one_by_one", "plan"]

Work = Callable[[Transaction, Sequence[Any]], Sequence[Any]]
"""Processes all of its arguments, and returns for each its result or its error."""


@attrs.define(eq=False)
class Unit:
    """One write.

    Attributes:
        work: the function to run.
        argument: its argument.
        touches: the points that it depends on or changes; None when it may be any.
        future: receives the result.
    """

    work: Work
    argument: Any
    touches: tuple[str, ...] | None
    future: asyncio.Future[Any]


@attrs.define
class Group:
    """Units of one Work, in the order in which they arrived."""

    work: Work
    units: list[Unit]


def plan(units: Iterable[Unit]) -> list[Group]:
    """Groups units of the same Work, and keeps the order of any two units that touch the same point."""
    groups: list[Group] = []
    newest: dict[Work, int] = {}
    touched: dict[str, int] = {}
    barrier = 0
    for unit in units:
        if unit.touches is None:
            groups.append(Group(unit.work, [unit]))
            barrier = len(groups)
            newest.clear()
            touched.clear()
            continue
        earliest = max((touched.get(point, barrier) for point in unit.touches), default=barrier)
        at = newest.get(unit.work, -1)
        if at < earliest:
            at = newest[unit.work] = len(groups)
            groups.append(Group(unit.work, []))
        groups[at].units.append(unit)
        for point in unit.touches:
            touched[point] = at
    return groups


def one_by_one(do: Callable[[Transaction, Any], Any]) -> Work:
    """Makes a Work that processes its arguments one after another. ``do`` must not raise after it has written
    anything."""

    def work(tx: Transaction, arguments: Sequence[Any]) -> list[Any]:
        results: list[Any] = []
        for argument in arguments:
            try:
                results.append(do(tx, argument))
            except HyperverseError as error:
                results.append(error)
        return results

    return work
