"""Which machines watch which: few each, everybody by several, and nobody is forgotten when many die at once."""

from __future__ import annotations

import math
import random

import pytest

from hyperverse_core.fabric.cluster.neighbours import FEW, neighbours


def _rounds(names: list[str], dead: set[str], seer: list[str]) -> int:
    """How many looks, each after those of the last one stand still, until somebody alive watches each dead one."""
    watched: dict[str, set[str]] = {own: set() for own in seer}
    for number in range(1, len(names) + 1):
        for own in seer:
            watched[own] = set(neighbours(own, names, watched[own] & dead))
        if dead <= set().union(*watched.values()):
            return number
    raise AssertionError("somebody who has died is watched by nobody")


@pytest.mark.parametrize("machines", [1, 2, 3, 4, 5, 20, 200])
def test_each_watches_a_few_and_is_watched_by_as_many(machines: int) -> None:
    names = [f"m{number}" for number in range(machines)]
    watched = [name for own in names for name in neighbours(own, names, ())]
    assert all(own not in neighbours(own, names, ()) for own in names)
    assert {watched.count(name) for name in names} == {min(FEW, machines - 1)}


def test_all_machines_see_one_ring_in_whatever_order_they_know_the_others() -> None:
    names = [f"m{number}" for number in range(30)]
    mixed = random.Random(1).sample(names, len(names))
    assert all(neighbours(own, names, ()) == neighbours(own, mixed, ()) for own in names)


def test_the_next_ones_are_watched_besides_when_some_stand_still() -> None:
    names = [f"m{number}" for number in range(30)]
    first = neighbours("m0", names, ())
    for still in range(1, FEW + 1):
        more = neighbours("m0", names, first[:still])
        assert more[:FEW] == first
        assert len(more) == FEW + 2 * still


@pytest.mark.parametrize("seed", range(20))
def test_when_any_number_dies_at_once_each_is_watched_after_a_logarithm_of_steps(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"m{number}" for number in range(chance.choice((4, 20, 64, 256)))]
    dead = set(chance.sample(names, chance.randrange(1, len(names))))
    seer = [name for name in names if name not in dead]
    assert _rounds(names, dead, seer) <= math.ceil(math.log(len(names), 3)) + 1
