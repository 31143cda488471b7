"""Tests of assignments and states."""

from __future__ import annotations

import asyncio
from functools import partial

import attrs
import pytest

from ...contracts.registry import LARGEST_STATE, Assignment, Registration, Registry, Status, Strategy
from ...errors import Conflict, NotFound, NotHostedHere, TooLarge
from ...universe.address.point import HYPERUSER, Point
from ...universe.address.star_key import StarKey
from .fixture_tree import (
    BASE,
    FOLD,
    RegistryKitBase,
    at,
    fold,
    hosted_at,
    outcomes,
    points_of,
    populate,
    snapshot,
    whole,
)

__all__ = ["Assignments"]

_A = at("localhost:a")
_JUMP = StarKey("kit", "jump")


class Assignments(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_an_assignment_names_star_and_incarnation_and_brings_the_state(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        await registry.register(Registration(_A, BASE, HYPERUSER, state=b"first"))
        star = await registry.announce(fold())
        assigned = await registry.assign(_A, FOLD, star.incarnation, None)
        assert (assigned.assignment.star, assigned.assignment.incarnation) == (FOLD, star.incarnation)
        assert assigned.state == b"first"
        record = await registry.record(_A)
        assert (record.assignment, record.status) == (assigned.assignment, Status.READY)

    async def test_an_assignment_of_a_particle_without_a_state_brings_none(self, registry: Registry) -> None:
        star = await _populated(registry)
        assert (await registry.assign(_A, FOLD, star, None)).state is None

    async def test_what_is_not_registered_cannot_be_assigned(self, registry: Registry) -> None:
        star = await _populated(registry)
        with pytest.raises(NotFound):
            await registry.assign(at("localhost:missing"), FOLD, star, None)

    async def test_an_assignment_replaces_the_expected_one_only(self, registry: Registry) -> None:
        star = await _populated(registry)
        first = (await registry.assign(_A, FOLD, star, None)).assignment
        for expected in (None, attrs.evolve(first, epoch=first.epoch + 1), attrs.evolve(first, star=_JUMP)):
            with pytest.raises(Conflict):
                await registry.assign(_A, FOLD, star, expected)
        assert (await registry.record(_A)).assignment == first
        second = (await registry.assign(_A, FOLD, star, first)).assignment
        assert second.epoch > first.epoch
        assert (await registry.record(_A)).assignment == second

    async def test_only_an_announced_incarnation_is_assigned_to(self, registry: Registry) -> None:
        star = await _populated(registry)
        for key, incarnation in ((FOLD, star + 1), (FOLD, star - 1), (_JUMP, 1)):
            with pytest.raises(NotHostedHere):
                await registry.assign(_A, key, incarnation, None)
        await registry.withdraw(await registry.stars())
        with pytest.raises(NotHostedHere):
            await registry.assign(_A, FOLD, star, None)
        assert (await registry.record(_A)).assignment is None

    async def test_one_of_many_assigns_a_particle(self, registry: Registry) -> None:
        await _populated(registry)
        stars = [await registry.announce(fold(StarKey("kit", "jump", number))) for number in range(40)]
        found = await outcomes(registry.assign(_A, star.key, star.incarnation, None) for star in stars)
        winners = [result for result in found if not isinstance(result, Exception)]
        assert len(winners) == 1
        assert sum(isinstance(result, Conflict) for result in found) == 39
        assert (await registry.record(_A)).assignment == winners[0].assignment

    async def test_one_of_many_takes_over_from_the_same_assignment(self, registry: Registry) -> None:
        star = await _populated(registry)
        present = (await registry.assign(_A, FOLD, star, None)).assignment
        for _ in range(5):
            found = await outcomes(registry.assign(_A, FOLD, star, present) for _ in range(10))
            winners = [result.assignment for result in found if not isinstance(result, Exception)]
            assert len(winners) == 1
            assert winners[0].epoch > present.epoch
            present = winners[0]

    async def test_many_particles_are_assigned_at_once(self, registry: Registry) -> None:
        star = await _populated(registry)
        await populate(registry, *(f"localhost:p{number}" for number in range(300)))
        points = [at(f"localhost:p{number}") for number in range(300)]
        found = await outcomes(registry.assign(point, FOLD, star, None) for point in points)
        records = await registry.records(points)
        assert [records[point].assignment for point in points] == [result.assignment for result in found]
        assert len({result.assignment.epoch for result in found}) == 300

    async def test_a_state_is_replaced_by_who_hosts_the_particle(self, registry: Registry) -> None:
        held = await _hosted(registry)
        for state in (b"one", b"", b"\x00" * 100, bytes(range(256)) * 4096):
            await registry.save_state(_A, held, state)
            assert await registry.load_state(_A) == state

    async def test_a_state_that_is_too_large_is_refused(self, registry: Registry) -> None:
        held = await _hosted(registry)
        await registry.save_state(_A, held, b"small")
        large = bytes(LARGEST_STATE + 1)  # zeros, which take no memory until somebody copies them
        with pytest.raises(TooLarge):
            await registry.save_state(_A, held, large)
        with pytest.raises(TooLarge):
            await registry.register(Registration(at("localhost:large"), BASE, HYPERUSER, state=large))
        assert (await registry.load_state(_A), await registry.records([at("localhost:large")])) == (b"small", {})

    async def test_the_state_of_what_is_not_registered_is_not_found(self, registry: Registry) -> None:
        with pytest.raises(NotFound):
            await registry.load_state(_A)

    async def test_nobody_saves_with_another_assignment(self, registry: Registry) -> None:
        held = await _hosted(registry)
        await registry.save_state(_A, held, b"good")
        before = await snapshot(registry)
        for stale in (
            attrs.evolve(held, epoch=held.epoch - 1),
            attrs.evolve(held, epoch=held.epoch + 1),
            attrs.evolve(held, incarnation=held.incarnation + 1),
            attrs.evolve(held, star=_JUMP),
        ):
            with pytest.raises(NotHostedHere):
                await registry.save_state(_A, stale, b"bad")
        assert await snapshot(registry) == before

    async def test_nobody_saves_once_the_particle_was_assigned_elsewhere(self, registry: Registry) -> None:
        held = await _hosted(registry)
        other = await registry.announce(fold(_JUMP))
        new = (await registry.assign(_A, _JUMP, other.incarnation, held)).assignment
        await registry.save_state(_A, new, b"good")
        await _cannot_save(registry, held)
        assert await registry.load_state(_A) == b"good"

    async def test_nobody_saves_after_a_release(self, registry: Registry) -> None:
        held = await _hosted(registry)
        await registry.release([(_A, held)])
        await _cannot_save(registry, held)

    async def test_nobody_saves_after_a_withdrawal_or_an_expiry(self, registry: Registry) -> None:
        held = await _hosted(registry)
        await registry.withdraw(await registry.stars())
        await _cannot_save(registry, held)
        held = await hosted_at(registry, _A, await registry.announce(fold()))
        assert await registry.expire((await registry.stars())[0])
        await _cannot_save(registry, held)

    async def test_nobody_saves_after_the_star_was_announced_again(self, registry: Registry) -> None:
        held = await _hosted(registry)
        await registry.announce(fold())
        await _cannot_save(registry, held)

    async def test_nobody_saves_after_an_override(self, registry: Registry) -> None:
        held = await _hosted(registry)
        await registry.register(Registration(_A, BASE, HYPERUSER, strategy=Strategy.OVERRIDE))
        await _cannot_save(registry, held)
        assert await registry.load_state(_A) is None

    async def test_nobody_saves_into_a_particle_that_took_the_place_of_a_deleted_one(self, registry: Registry) -> None:
        held = await _hosted(registry)
        await registry.delete([_A])
        await _cannot_save(registry, held)
        await populate(registry, "localhost:a")
        new = (await registry.assign(_A, FOLD, held.incarnation, None)).assignment
        assert new.epoch > held.epoch
        await _cannot_save(registry, held)
        assert await registry.load_state(_A) is None

    async def test_epochs_grow_over_releases(self, registry: Registry) -> None:
        held = await _hosted(registry)
        for _ in range(3):
            await registry.release([(_A, held)])
            again = (await registry.assign(_A, FOLD, held.incarnation, None)).assignment
            assert again.epoch > held.epoch
            held = again

    async def test_epochs_grow_over_an_override(self, registry: Registry) -> None:
        held = await _hosted(registry)
        for _ in range(3):
            await registry.register(Registration(_A, BASE, HYPERUSER, strategy=Strategy.OVERRIDE))
            again = (await registry.assign(_A, FOLD, held.incarnation, None)).assignment
            assert again.epoch > held.epoch
            await _cannot_save(registry, held)
            held = again

    async def test_the_last_of_one_host_s_saves_wins(self, registry: Registry) -> None:
        held = await _hosted(registry)
        for number in range(30):
            await registry.save_state(_A, held, b"%d" % number)
        assert await registry.load_state(_A) == b"29"

    async def test_a_save_whose_caller_was_cancelled_is_settled_before_the_state_is_loaded(
        self, registry: Registry
    ) -> None:
        held = await _hosted(registry)
        for number in range(30):
            saving = asyncio.ensure_future(registry.save_state(_A, held, b"%d" % number + bytes(100_000)))
            for _ in range(3):  # as far as it gets
                await asyncio.sleep(0)
            saving.cancel()
            await asyncio.gather(saving, return_exceptions=True)
            loaded = await registry.load_state(_A)
            await registry.sequence(_A)  # a write behind it
            later = await registry.load_state(_A)
            assert loaded == later, (
                "a save took effect after the state was loaded: load_state of the registry has to wait for a save that "
                "is under way, also when its caller was cancelled"
            )

    async def test_a_save_that_comes_too_late_does_no_harm_to_the_others(self, registry: Registry) -> None:
        star = await _populated(registry)
        points = [at(f"localhost:p{number}") for number in range(100)]
        await populate(registry, *(point.text for point in points))
        held = [(await registry.assign(point, FOLD, star, None)).assignment for point in points]
        await registry.release([(points[50], held[50])])
        found = await outcomes(
            registry.save_state(point, assignment, point.text.encode())
            for point, assignment in zip(points, held, strict=True)
        )
        assert [place for place, result in enumerate(found) if result is not None] == [50]
        assert isinstance(found[50], NotHostedHere)
        states = [await registry.load_state(point) for point in points]
        assert states == [None if point == points[50] else point.text.encode() for point in points]

    async def test_a_release_ends_the_assignments_that_hold(self, registry: Registry) -> None:
        star = await _populated(registry)
        await populate(registry, "localhost:b", "localhost:c")
        a = (await registry.assign(_A, FOLD, star, None)).assignment
        b = (await registry.assign(at("localhost:b"), FOLD, star, None)).assignment
        newer = (await registry.assign(at("localhost:b"), FOLD, star, b)).assignment
        await registry.release([(_A, a), (at("localhost:b"), b), (at("localhost:c"), b), (at("nowhere"), a)])
        assert (await registry.record(_A)).assignment is None
        assert (await registry.record(at("localhost:b"))).assignment == newer

    async def test_hosted_lists_a_star_s_particles_in_order(self, registry: Registry) -> None:
        star = await _populated(registry)
        other = await registry.announce(fold(_JUMP))
        await populate(registry, *(f"localhost:p{number}" for number in range(20)), "GLOBAL::executor<Global>")
        mine = [at(f"localhost:p{number}") for number in range(0, 20, 2)] + [at("GLOBAL::executor")]
        for point in mine:
            await registry.assign(point, FOLD, star, None)
        await registry.assign(_A, _JUMP, other.incarnation, None)
        assert points_of(await whole(partial(registry.hosted, FOLD), 3)) == sorted(point.text for point in mine)
        assert points_of((await registry.hosted(_JUMP)).records) == ["localhost:a"]
        assert (await registry.hosted(StarKey("kit", "nobody"))).records == ()


async def _populated(registry: Registry) -> int:
    """Registers ``localhost:a``, announces a star and returns its incarnation."""
    await populate(registry, "localhost<Space>", "localhost:a")
    return (await registry.announce(fold())).incarnation


async def _hosted(registry: Registry, point: Point = _A) -> Assignment:
    incarnation = await _populated(registry)
    return (await registry.assign(point, FOLD, incarnation, None)).assignment


async def _cannot_save(registry: Registry, held: Assignment) -> None:
    with pytest.raises(NotHostedHere):
        await registry.save_state(_A, held, b"too late")
