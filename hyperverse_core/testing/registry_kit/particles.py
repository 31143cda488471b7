"""Tests of changes of a particle: status, properties, owner, sequence."""

from __future__ import annotations

import pytest

from ...contracts.registry import ChangeKind, PropertyValue, Registration, Registry, Status
from ...errors import Conflict, NotFound
from ...universe.address.point import HYPERUSER
from ...universe.kind_defs.properties import SetProperty, UnsetProperty
from ..differences import first_difference
from .fixture_tree import SPACE, RegistryKitBase, at, outcomes, populate, snapshot

__all__ = ["ChangingParticles"]

_A, _B, _MISSING = at("localhost:a"), at("localhost:b"), at("localhost:missing")


class ChangingParticles(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_a_status_is_set(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        for status in Status:
            await registry.set_status(_A, status)
            assert (await registry.record(_A)).status is status
        with pytest.raises(NotFound):
            await registry.set_status(_MISSING, Status.READY)

    async def test_records_of_very_many_points_are_those_that_are_registered(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a", "localhost:b")
        points = [at(f"localhost:missing{number}") for number in range(9_000)]
        asked = [_A, *points[:5_000], _B, *points[5_000:], _A]
        found = await registry.records(iter(asked))
        assert {point: record.point for point, record in found.items()} == {_A: _A, _B: _B}

    async def test_properties_are_set_and_unset(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a", "localhost:b")
        await registry.set_properties([_A, _B], [SetProperty("x", "1"), SetProperty("y", "2")])
        await registry.set_properties([_A], [SetProperty("x", "3"), UnsetProperty("y"), UnsetProperty("z")])
        assert dict((await registry.record(_A)).properties) == {"x": PropertyValue("3")}
        assert dict((await registry.record(_B)).properties) == {"x": PropertyValue("1"), "y": PropertyValue("2")}

    async def test_a_locked_property_stays(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        await registry.set_properties([_A], [SetProperty("x", "1", lock=True)])
        await registry.set_properties([_A], [SetProperty("x", "1")])
        before = await snapshot(registry)
        assert dict((await registry.record(_A)).properties) == {"x": PropertyValue("1", locked=True)}
        for change in (SetProperty("x", "2"), UnsetProperty("x")):
            with pytest.raises(Conflict, match="'x'"):
                await registry.set_properties([_A], [change])
        assert await snapshot(registry) == before

    async def test_setting_a_property_to_its_value_may_lock_it(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        await registry.set_properties([_A], [SetProperty("x", "1")])
        await registry.set_properties([_A], [SetProperty("x", "1", lock=True)])
        assert (await registry.record(_A)).properties["x"].locked

    async def test_values_are_replaced_only_as_they_were_read(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        await registry.set_properties([_A], [SetProperty("x", "1", lock=True), SetProperty("y", "2")])
        since = await registry.revision()
        assert await registry.replace_values(_A, {"x": ("1", "one"), "y": ("2", "two")})
        expected = {"x": PropertyValue("one", locked=True), "y": PropertyValue("two")}
        assert dict((await registry.record(_A)).properties) == expected
        told = await registry.changes(since, timeout=1.0)
        assert [(change.kind, change.point) for change in told.entries] == [(ChangeKind.PROPERTIES, _A)]
        before = await snapshot(registry)
        for values in ({"x": ("one", "1"), "y": ("3", "2")}, {"z": ("", "1")}):
            assert not await registry.replace_values(_A, values)
        assert not await registry.replace_values(_MISSING, {"x": ("one", "1")})
        assert await snapshot(registry) == before

    async def test_properties_change_on_all_points_or_on_none(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        locked = {"x": PropertyValue("1", locked=True)}
        await registry.register(Registration(_B, SPACE, HYPERUSER, locked))
        before = await snapshot(registry)
        with pytest.raises(Conflict):
            await registry.set_properties([_A, _B], [SetProperty("y", "2"), SetProperty("x", "2")])
        with pytest.raises(NotFound):
            await registry.set_properties([_A, _MISSING], [SetProperty("y", "2")])
        assert await snapshot(registry) == before

    async def test_a_change_that_fails_does_no_harm_to_others_that_arrive_with_it(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a", "localhost:b")
        await registry.set_properties([_B], [SetProperty("x", "1", lock=True)])
        found = await outcomes(
            registry.set_properties([point], [SetProperty("x", "2")]) for point in (_A, _B, _MISSING)
        )
        assert [type(result) for result in found] == [type(None), Conflict, NotFound]
        assert dict((await registry.record(_A)).properties) == {"x": PropertyValue("2")}
        assert (await registry.record(_B)).properties["x"].value == "1"

    async def test_many_may_set_properties_of_one_particle_at_once(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        await outcomes(registry.set_properties([_A], [SetProperty(f"k{number}", str(number))]) for number in range(100))
        found = (await registry.record(_A)).properties
        assert {key: value.value for key, value in found.items()} == {f"k{n}": str(n) for n in range(100)}

    async def test_a_sequence_begins_at_one_and_is_the_particle_s_own(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        assert [await registry.sequence(_A) for _ in range(3)] == [1, 2, 3]
        assert await registry.sequence(at("localhost")) == 1
        with pytest.raises(NotFound):
            await registry.sequence(_MISSING)

    async def test_no_number_of_a_sequence_is_given_twice(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        numbers = await outcomes(registry.sequence(_A) for _ in range(500))
        difference = first_difference(sorted(numbers), list(range(1, 501)))
        assert not difference, difference

    async def test_sequences_of_many_particles_do_not_mix(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a", "localhost:b")
        asked = [_A, _B, _MISSING] * 20
        found = await outcomes(registry.sequence(point) for point in asked)
        for point in (_A, _B):
            mine = [number for asker, number in zip(asked, found, strict=True) if asker == point]
            assert sorted(mine) == list(range(1, 21))
        assert sum(isinstance(result, NotFound) for result in found) == 20

    async def test_owners_change_for_all_points_or_for_none(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a", "localhost:b")
        await registry.chown([_A, _B], at("new:owner"))
        owners = [(await registry.record(point)).owner for point in (_A, _B, at("localhost"))]
        assert owners == [at("new:owner"), at("new:owner"), HYPERUSER]
        before = await snapshot(registry)
        with pytest.raises(NotFound, match="missing"):
            await registry.chown([_A, _MISSING], HYPERUSER)
        assert await snapshot(registry) == before

    async def test_a_thousand_different_writes_at_once_are_all_done(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", *(f"localhost:p{number}" for number in range(250)))
        points = [at(f"localhost:p{number}") for number in range(250)]
        found = await outcomes(
            act
            for point in points
            for act in (
                registry.set_status(point, Status.READY),
                registry.set_properties([point], [SetProperty("x", point.name)]),
                registry.sequence(point),
                registry.chown([point], at("new:owner")),
            )
        )
        assert [result for result in found if isinstance(result, Exception)] == []
        for point, record in (await registry.records(points)).items():
            assert (record.status, record.owner) == (Status.READY, at("new:owner"))
            assert record.properties["x"].value == point.name
            assert await registry.sequence(point) == 2
