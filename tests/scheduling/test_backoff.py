"""Pauses between attempts."""

from __future__ import annotations

import random

from hyperverse_core.scheduling.backoff import Backoff


def pauses(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next_pause() for _ in range(count)]


def test_pauses_grow_by_the_factor_up_to_the_longest() -> None:
    backoff = Backoff(first=0.1, longest=1.0, factor=2.0, jitter=0, chance=random.Random())
    assert pauses(backoff, 6) == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_reset_begins_with_the_first_pause_again() -> None:
    backoff = Backoff(first=0.1, longest=1.0, factor=4.0, jitter=0, chance=random.Random())
    pauses(backoff, 3)
    backoff.reset()
    assert pauses(backoff, 2) == [0.1, 0.4]


def test_jitter_stays_within_its_share_and_uses_all_of_it() -> None:
    backoff = Backoff(first=2.0, longest=2.0, jitter=0.25, chance=random.Random(1))
    found = pauses(backoff, 1000)
    assert 1.5 <= min(found) < 1.55
    assert 2.45 < max(found) <= 2.5


def test_the_same_seed_gives_the_same_pauses() -> None:
    first, second = (Backoff(first=0.1, longest=1.0, chance=random.Random(7)) for _ in range(2))
    assert pauses(first, 20) == pauses(second, 20)


def test_without_jitter_no_random_number_is_drawn() -> None:
    chance = random.Random(7)
    before = chance.getstate()
    pauses(Backoff(first=0.1, longest=1.0, jitter=0, chance=chance), 5)
    assert chance.getstate() == before
