"""Writes that wait form groups: none is lost, done twice, or passes another one to the same point."""

from __future__ import annotations

import random

import pytest

from hyperverse_postgres.work import WriteQueue, WriteUnit

_KINDS = ("register", "assign", "save", "release", "status", "sequence")
_STEPS = 300


def _unit(chance: random.Random) -> WriteUnit:
    match chance.randrange(25):
        case 0:
            return WriteUnit("renew", [], None, (), urgent=True)
        case 1:
            return WriteUnit("delete", [], None, ())
    changes = frozenset(str(chance.randrange(12)) for _ in range(chance.choice((1, 1, 2))))
    needs = frozenset(str(chance.randrange(12)) for _ in range(chance.choice((0, 0, 1)))) - changes
    return WriteUnit(chance.choice(_KINDS), [], changes, (), needs)


def _touch(one: WriteUnit, other: WriteUnit) -> bool:
    if one.changes is None or other.changes is None:
        return True
    return not (one.changes | one.needs).isdisjoint(other.changes) or not one.changes.isdisjoint(other.needs)


def _check(group: list[WriteUnit], waiting: list[WriteUnit]) -> None:
    """Whether ``group`` may be done before the rest of ``waiting``, which are in the order in which they came."""
    assert len({unit.kind for unit in group}) == 1
    for place, unit in enumerate(group):
        assert not unit.future.done()
        for earlier in waiting[: waiting.index(unit)]:
            if earlier in group:
                assert group.index(earlier) < place
                assert unit.kind == "sequence" or not _touch(earlier, unit)
            elif not unit.urgent and not earlier.urgent and not earlier.future.done():
                assert not _touch(earlier, unit)


@pytest.mark.parametrize("seed", range(20))
async def test_every_write_is_taken_once_and_none_passes_another_to_the_same_point(seed: int) -> None:
    chance = random.Random(seed)
    queue, waiting, left = WriteQueue(), list[WriteUnit](), _STEPS
    while left or len(queue):
        left = max(left - 1, 0)
        if left and chance.random() < 0.8:
            waiting.append(_unit(chance))
            queue.put(waiting[-1])
        elif left and waiting and chance.random() < 0.3:
            chance.choice(waiting).future.cancel()
        elif group := queue.take():
            _check(group, waiting)
            waiting = [unit for unit in waiting if unit not in group]
    assert all(unit.future.cancelled() for unit in waiting)
    assert queue.take() == []
