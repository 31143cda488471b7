"""Tests of registering and reading single particles."""

from __future__ import annotations

import attrs
import pytest

from ...contracts.registry import PropertyValue, Registration, Registry, Status, Strategy
from ...errors import Conflict, NotFound
from ...universe.address.point import HYPERUSER, ROOT
from .fixture_tree import (
    APP,
    BASE,
    EVERYTHING,
    SPACE,
    RegistryKitBase,
    at,
    fold,
    hosted_at,
    outcomes,
    populate,
    snapshot,
)

__all__ = ["Registering"]

_LOCALHOST = at("localhost")


class Registering(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_a_new_registry_has_its_root_and_nothing_else(self, registry: Registry) -> None:
        root = await registry.record(ROOT)
        assert (str(root.kind), root.owner, root.assignment) == ("Root", HYPERUSER, None)
        assert [record.point for record in (await registry.select(EVERYTHING)).records] == [ROOT]
        assert await registry.stars() == []
        assert await registry.grants() == []
        assert await registry.tokens() == []
        assert await registry.revision() == 0

    async def test_what_was_registered_can_be_read_at_once(self, registry: Registry) -> None:
        properties = {"title": PropertyValue("a 'quoted' \"title\" ✓"), "id": PropertyValue("", locked=True)}
        wanted = Registration(
            _LOCALHOST, SPACE, at("somebody"), properties, status=Status.READY, state=b"\x00\xffstate"
        )
        registered = await registry.register(wanted)
        record = await registry.record(_LOCALHOST)
        assert registered.created
        assert registered.record == record
        assert (record.point, record.kind, record.owner) == (_LOCALHOST, SPACE, at("somebody"))
        assert (record.status, record.assignment) == (Status.READY, None)
        assert dict(record.properties) == properties
        assert await registry.load_state(_LOCALHOST) == b"\x00\xffstate"

    async def test_what_is_below_is_registered_together_with_it(self, registry: Registry) -> None:
        await registry.register(Registration(_LOCALHOST, SPACE, HYPERUSER))
        inner = Registration(at("localhost:a:b"), BASE, HYPERUSER, {"x": PropertyValue("1")}, state=b"inner")
        outer = Registration(
            at("localhost:a"), BASE, HYPERUSER, below=(inner, Registration(at("localhost:a:b:c"), BASE, HYPERUSER))
        )
        before = await registry.revision()
        made = await registry.register(outer)
        assert (made.created, made.record.point) == (True, at("localhost:a"))
        assert dict((await registry.record(at("localhost:a:b"))).properties) == {"x": PropertyValue("1")}
        assert await registry.load_state(at("localhost:a:b")) == b"inner"
        assert await registry.record(at("localhost:a:b:c"))
        changed = (await registry.changes(before, timeout=1.0)).entries
        assert [str(change.point) for change in changed] == ["localhost:a", "localhost:a:b", "localhost:a:b:c"]

    async def test_all_that_is_below_is_registered_or_nothing(self, registry: Registry) -> None:
        await registry.register(Registration(_LOCALHOST, SPACE, HYPERUSER))
        lost = Registration(at("localhost:a:x:y"), BASE, HYPERUSER)
        twice = Registration(at("localhost:a:b"), BASE, HYPERUSER)
        elsewhere = Registration(at("localhost:b"), BASE, HYPERUSER)
        for below, error in (((twice, lost), NotFound), ((twice, twice), Conflict), ((elsewhere,), NotFound)):
            with pytest.raises(error):
                await registry.register(Registration(at("localhost:a"), BASE, HYPERUSER, below=below))
            assert await registry.records((at("localhost:a"), at("localhost:a:b"), at("localhost:b"))) == {}

    async def test_what_is_there_is_not_filled_from_below(self, registry: Registry) -> None:
        await registry.register(Registration(_LOCALHOST, SPACE, HYPERUSER))
        await registry.register(Registration(at("localhost:a"), BASE, HYPERUSER))
        below = (Registration(at("localhost:a:b"), BASE, HYPERUSER),)
        for strategy in (Strategy.COMMIT, Strategy.OVERRIDE):
            with pytest.raises(Conflict):
                await registry.register(
                    Registration(at("localhost:a"), BASE, HYPERUSER, strategy=strategy, below=below)
                )
        wanted = Registration(at("localhost:a"), BASE, HYPERUSER, strategy=Strategy.ENSURE, below=below)
        assert not (await registry.register(wanted)).created
        assert await registry.records((at("localhost:a:b"),)) == {}

    async def test_a_new_particle_is_pending_and_has_no_state(self, registry: Registry) -> None:
        await registry.register(Registration(_LOCALHOST, SPACE, HYPERUSER))
        assert (await registry.record(_LOCALHOST)).status is Status.PENDING
        assert await registry.load_state(_LOCALHOST) is None

    async def test_a_kind_comes_back_in_full(self, registry: Registry) -> None:
        await populate(
            registry,
            "localhost<Space>",
            "localhost:db<Database<Relational<mechtronhub.com:postgres.org:postgres:gis:8.0.0>>>",
        )
        found = await registry.record(at("localhost:db"))
        assert str(found.kind) == "Database<Relational<mechtronhub.com:postgres.org:postgres:gis:8.0.0>>"

    async def test_records_leave_out_what_is_not_registered(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        asked = [at("localhost:a"), at("localhost:b"), at("nowhere"), _LOCALHOST]
        assert set(await registry.records(asked)) == {_LOCALHOST, at("localhost:a")}
        assert await registry.records([]) == {}

    async def test_a_record_that_is_not_there_is_not_found(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="nowhere"):
            await registry.record(at("nowhere"))

    async def test_commit_does_not_take_a_point_that_is_taken(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        before = await snapshot(registry)
        with pytest.raises(Conflict, match="localhost"):
            await registry.register(Registration(_LOCALHOST, SPACE, at("other")))
        assert await snapshot(registry) == before

    async def test_ensure_takes_an_existing_one_as_it_is(self, registry: Registry) -> None:
        await registry.register(Registration(_LOCALHOST, SPACE, HYPERUSER, {"a": PropertyValue("1")}, state=b"first"))
        before = await snapshot(registry)
        again = Registration(
            _LOCALHOST, SPACE, at("other"), {"a": PropertyValue("2")}, Strategy.ENSURE, Status.PANIC, b"second"
        )
        ensured = await registry.register(again)
        assert not ensured.created
        assert ensured.record == await registry.record(_LOCALHOST)
        assert await snapshot(registry) == before

    async def test_ensure_does_not_take_another_kind(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        before = await snapshot(registry)
        with pytest.raises(Conflict):
            await registry.register(Registration(_LOCALHOST, BASE, HYPERUSER, strategy=Strategy.ENSURE))
        assert await snapshot(registry) == before

    async def test_ensure_and_override_create_what_is_not_there(self, registry: Registry) -> None:
        for name, strategy in (("first", Strategy.ENSURE), ("second", Strategy.OVERRIDE)):
            wanted = Registration(at(name), SPACE, HYPERUSER, strategy=strategy, state=b"x")
            registered = await registry.register(wanted)
            assert registered.created
            assert registered.record == await registry.record(at(name))
            assert await registry.load_state(at(name)) == b"x"

    async def test_override_replaces_all_but_the_children(self, registry: Registry) -> None:
        await registry.register(
            Registration(_LOCALHOST, SPACE, HYPERUSER, {"a": PropertyValue("1", locked=True)}, state=b"old")
        )
        await populate(registry, "localhost:child")
        await hosted_at(registry, _LOCALHOST, await registry.announce(fold()))
        replacement = Registration(
            _LOCALHOST, SPACE, at("other"), {"b": PropertyValue("2")}, Strategy.OVERRIDE, Status.INIT
        )
        replaced = await registry.register(replacement)
        assert replaced.record == await registry.record(_LOCALHOST)
        assert (replaced.record.owner, replaced.record.status) == (at("other"), Status.INIT)
        assert dict(replaced.record.properties) == {"b": PropertyValue("2")}
        assert replaced.record.assignment is None
        assert await registry.load_state(_LOCALHOST) is None
        assert (await registry.record(at("localhost:child"))).kind == BASE

    async def test_override_writes_its_own_first_state(self, registry: Registry) -> None:
        await registry.register(Registration(_LOCALHOST, SPACE, HYPERUSER, state=b"old"))
        again = Registration(_LOCALHOST, SPACE, HYPERUSER, strategy=Strategy.OVERRIDE, state=b"new")
        await registry.register(again)
        assert await registry.load_state(_LOCALHOST) == b"new"

    async def test_override_changes_the_kind_of_a_leaf_only(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:leaf")
        changed = Registration(at("localhost:leaf"), APP, HYPERUSER, strategy=Strategy.OVERRIDE)
        assert (await registry.register(changed)).record.kind == APP
        before = await snapshot(registry)
        with pytest.raises(Conflict):
            await registry.register(attrs.evolve(changed, point=_LOCALHOST))
        assert await snapshot(registry) == before

    @pytest.mark.parametrize("strategy", list(Strategy))
    async def test_a_parent_has_to_be_there(self, registry: Registry, strategy: Strategy) -> None:
        before = await snapshot(registry)
        with pytest.raises(NotFound, match="nowhere"):
            await registry.register(Registration(at("nowhere:child"), BASE, HYPERUSER, strategy=strategy))
        assert await snapshot(registry) == before

    async def test_the_first_point_of_another_route_needs_no_parent(self, registry: Registry) -> None:
        star = "<<STAR::central:fold[0]>>::star"
        await populate(registry, "GLOBAL::executor<Global>", f"{star}<Star<Fold>>", f"{star}:drivers")
        assert str((await registry.record(at(star))).kind) == "Star<Fold>"
        with pytest.raises(NotFound):
            await populate(registry, "GLOBAL::other:child")

    async def test_the_root_stays_the_root(self, registry: Registry) -> None:
        before = await snapshot(registry)
        with pytest.raises(Conflict):
            await populate(registry, "ROOT<Root>")
        with pytest.raises(Conflict):
            await registry.register(Registration(ROOT, SPACE, HYPERUSER, strategy=Strategy.OVERRIDE))
        assert await snapshot(registry) == before

    async def test_one_of_many_registers_a_point(self, registry: Registry) -> None:
        wanted = [Registration(_LOCALHOST, SPACE, at(f"owner{number}")) for number in range(50)]
        found = await outcomes(registry.register(one) for one in wanted)
        winners = [result for result in found if not isinstance(result, Exception)]
        assert len(winners) == 1
        assert sum(isinstance(result, Conflict) for result in found) == 49
        assert await registry.record(_LOCALHOST) == winners[0].record

    async def test_many_that_ensure_a_point_get_the_same(self, registry: Registry) -> None:
        wanted = Registration(_LOCALHOST, SPACE, HYPERUSER, strategy=Strategy.ENSURE)
        found = await outcomes(registry.register(wanted) for _ in range(50))
        assert sum(result.created for result in found) == 1
        assert {result.record.point for result in found} == {_LOCALHOST}

    async def test_a_thousand_are_registered_at_once(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        points = [at(f"localhost:p{number}") for number in range(1000)]
        found = await outcomes(registry.register(Registration(point, BASE, HYPERUSER)) for point in points)
        assert [result.record.point for result in found] == points
        assert set(await registry.records(points)) == set(points)

    async def test_one_that_fails_does_no_harm_to_the_others(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:p3")
        points = [at(f"localhost:p{number}") for number in range(6)] + [at("nowhere:p")]
        found = await outcomes(registry.register(Registration(point, BASE, HYPERUSER)) for point in points)
        errors = {point.text: type(result) for point, result in zip(points, found, strict=True)}
        assert errors.pop("localhost:p3") is Conflict
        assert errors.pop("nowhere:p") is NotFound
        assert not any(issubclass(kind, Exception) for kind in errors.values())
        assert len(await registry.records(points)) == 6
