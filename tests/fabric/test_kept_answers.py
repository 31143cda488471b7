"""The answers of a policy that are kept: there is room for so many, and none is shown that was dropped."""

from __future__ import annotations

import random
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from fabric.gate_world import (
    ALICE,
    Particle,
    make,
    particle,
)
from hyperverse_core.contracts.policy import (
    ANYTHING,
    Decision,
)
from hyperverse_core.fabric.delivery.kept_answers import KeptAnswers, Key
from hyperverse_core.universe.access.scope import Scope
from hyperverse_core.universe.address.point import Point


async def test_there_is_room_for_so_much_and_the_oldest_go_first() -> None:
    world = make(room=60)  # each answer takes 6
    targets = [particle(Point.parse(f"localhost:p{number}")) for number in range(20)]
    for target in targets:
        await world.status(ALICE, target)
    assert [bool(target.allowed) for target in targets] == [False] * 10 + [True] * 10
    await world.status(ALICE, targets[19])
    await world.status(ALICE, targets[0])
    assert world.asked == 21


def test_what_is_kept_is_what_was_kept_less_what_was_dropped() -> None:
    chance = random.Random(7)
    points = [Point.parse(f"localhost:p{number}") for number in range(6)]
    kept, model = KeptAnswers(10_000), dict[Key, Decision]()
    particles = {point.text: particle(point) for point in points}
    alone = set[tuple[str, str, str]]()  # what only the particles keep: it never changes
    for _ in range(5000):
        key: Key = (
            chance.choice(points).text,
            chance.choice(points).text,
            "localhost",
            chance.choice("rwxs"),
            chance.choice(["", "", "email"]),
            chance.choice([None, None, Scope.NONE]),
            chance.choice(["", "", "Ext<Get>"]),
        )
        asked_for = particles[key[1]]
        match chance.randrange(10):
            case 0:
                point = chance.choice(points)
                kept.drop(point)
                model = {k: d for k, d in model.items() if d.rests_on is not ANYTHING and point not in d.rests_on}
            case 1 if chance.random() < 0.05:
                kept.clear()
                model.clear()
                alone.clear()
            case 2 if chance.random() < 0.2:
                kept.left(asked_for)
                assert asked_for.allowed == {}
                alone -= {held for held in alone if held[0] == key[1]}
                particles[key[1]] = particle(asked_for.record.point)
            case 3 if model:
                kept.show(asked_for, key)
                shown = key in model and model[key].allowed and _is_for_the_hot_path(key)
                assert not shown or key[3] in asked_for.allowed.get(key[0], "")
                if shown and model[key].rests_on == frozenset():
                    del model[key]
                    alone.add((key[1], key[0], key[3]))
            case _:
                some = frozenset(chance.sample(points, chance.randrange(4)))
                decision = Decision(chance.random() < 0.6, rests_on=chance.choice([some, some, some, ANYTHING]))
                kept.keep(key, decision)
                model[key] = decision
        assert len(kept) == len(model)
        _check_shown(model, particles, alone)
    assert all(kept.find((*key[:6], ""), key[6]) is not None for key in model)
    for key in model:
        kept.show(particles[key[1]], key)
    for text, holder in particles.items():
        expected = {
            (key[0], key[3])
            for key, decision in model.items()
            if key[1] == text and decision.allowed and _is_for_the_hot_path(key)
        }
        kept_alone = {(agent, letter) for target, agent, letter in alone if target == text}
        assert expected <= _letters(holder) <= expected | kept_alone


def _is_for_the_hot_path(key: Key) -> bool:
    _, _, _, permission, privilege, scope, action = key
    return permission in "rwx" and (privilege, scope, action) == ("", None, "")


def _letters(holder: Particle) -> set[tuple[str, str]]:
    return {(agent, letter) for agent, letters in holder.allowed.items() for letter in letters}


def _check_shown(
    model: Mapping[Key, Decision], particles: Mapping[str, Particle], alone: AbstractSet[tuple[str, str, str]]
) -> None:
    """Every letter that the hot path finds is that of an answer which is kept, or never changes."""
    for text, holder in particles.items():
        for agent, letter in _letters(holder):
            if (text, agent, letter) in alone:
                continue
            decision = model.get((agent, text, "localhost", letter, "", None, ""))
            assert decision is not None
            assert decision.allowed
