"""Tests of reading and deleting many particles."""

from __future__ import annotations

import random
from functools import partial

import pytest

from ...contracts.registry import ChangeKind, PropertyValue, Registration, Registry
from ...errors import Conflict
from ...universe.access.access import AccessGrant, GrantKind
from ...universe.address.point import HYPERUSER, ROOT, Point
from ...universe.kind_defs.properties import SetProperty
from ...universe.kinds.kind import Kind
from ...universe.selectors.selector import Selector
from .fixture_tree import (
    APP,
    BASE,
    EVERYTHING,
    SPACE,
    USER,
    RegistryKitBase,
    at,
    heard,
    points_of,
    populate,
    snapshot,
    whole,
)

__all__ = ["ReadingTheTree"]

# Neighbours in the order of texts that are not neighbours in the tree.
_TRICKY = (
    "a<Space>",
    "a-b<Space>",
    "a-b:c",
    "a.b<Space>",
    "ab<Space>",
    "a:b",
    "a:b:c",
    "a:b-c",
    "a:bc",
    "a:1.0.0<Bundle>",
    "a:1.0.0:/<Artifact<Dir>>",
    "a:1.0.0:/x/<Artifact<Dir>>",
    "a:1.0.0:/x/f.txt<Artifact<Raw>>",
    "a:1.0.0:/x.txt<Artifact<Raw>>",
    "a::b<Space>",
    "a::b:c",
    "GLOBAL::a<Global>",
    "GLOBAL::b<Global>",
    "[hub]::a<Space>",
)

_SELECTORS = (
    "+:**",
    "**",
    "+:*",
    "*",
    "*:*",
    "ROOT",
    "s0",
    "s0:*",
    "s0:**",
    "s0+:**",
    "s0:*:*",
    "s0:b1+:**",
    "s0:b1:*<App>",
    "**<User>",
    "**:b1",
    "**:b1:**<App>",
    "*:b0:*",
    "s1<Space>:*<Base>:**",
    "*<Space>+:*<App>",
    "missing:**",
)


class ReadingTheTree(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_children_are_the_direct_ones_in_order(self, registry: Registry) -> None:
        await populate(registry, *_TRICKY)
        expected = {
            "ROOT": ["a", "a-b", "a.b", "ab"],
            "a": ["a:1.0.0", "a:b", "a:b-c", "a:bc"],
            "a:b": ["a:b:c"],
            "a:1.0.0": ["a:1.0.0:/"],
            "a:1.0.0:/": ["a:1.0.0:/x.txt", "a:1.0.0:/x/"],
            "a:1.0.0:/x/": ["a:1.0.0:/x/f.txt"],
            "a:1.0.0:/x/f.txt": [],
            "a::ROOT": ["a::b"],
            "a::b": ["a::b:c"],
            "GLOBAL::ROOT": ["GLOBAL::a", "GLOBAL::b"],
            "nowhere": [],
        }
        for parent, children in expected.items():
            assert points_of((await registry.children(at(parent))).records) == children

    async def test_children_come_in_pages(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", *(f"localhost:p{number}" for number in range(20)))
        expected = sorted(f"localhost:p{number}" for number in range(20))
        for limit in (1, 7, 19, 20, 21):
            found = await whole(partial(registry.children, at("localhost")), limit)
            assert points_of(found) == expected

    async def test_the_last_page_says_that_it_is_the_last(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a", "localhost:b")
        page = await registry.children(at("localhost"), limit=2)
        assert (points_of(page.records), page.after) == (["localhost:a", "localhost:b"], None)
        page = await registry.children(at("localhost"), limit=1)
        assert (points_of(page.records), page.after) == (["localhost:a"], at("localhost:a"))

    async def test_select_finds_what_a_look_at_every_particle_finds(self, registry: Registry) -> None:
        kinds = await _populate_a_large_tree(registry)
        for text in _SELECTORS:
            selector = Selector.parse(text)
            expected = sorted(point.text for point in kinds if _matches(selector, point, kinds))
            found = await whole(partial(registry.select, selector), limit=11)
            assert points_of(found) == expected, text
            assert points_of((await registry.select(selector, limit=10_000)).records) == expected, text

    async def test_select_gives_whole_records(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a<App>")
        await registry.set_properties([at("localhost:a")], [SetProperty("x", "1")])
        (found,) = (await registry.select(Selector.parse("**<App>"))).records
        assert found == await registry.record(at("localhost:a"))

    async def test_select_is_about_the_present_hyperverse(self, registry: Registry) -> None:
        await populate(registry, *_TRICKY)
        found = points_of((await registry.select(EVERYTHING)).records)
        assert found[0] == "ROOT"
        assert [text for text in found if "::" in text] == []
        below = points_of((await registry.select(Selector.parse("a+:**"))).records)
        assert below == sorted(text for text in found if text == "a" or text.startswith("a:"))

    async def test_delete_takes_the_subtree_and_nothing_else(self, registry: Registry) -> None:
        await populate(registry, *_TRICKY)
        deleted = points_of(await registry.delete([at("a:b"), at("a:1.0.0")]))
        assert sorted(deleted) == sorted(
            ["a:b", "a:b:c", "a:1.0.0", "a:1.0.0:/", "a:1.0.0:/x/", "a:1.0.0:/x/f.txt", "a:1.0.0:/x.txt"]
        )
        for text in deleted:
            parent = at(text).parent
            assert parent is not None
            assert parent.text not in deleted or deleted.index(text) < deleted.index(parent.text)
        texts = [text.partition("<")[0] for text in _TRICKY]
        kept = [at(text) for text in texts if text not in deleted]
        assert set(await registry.records(map(at, texts))) == set(kept)

    async def test_delete_goes_in_slices_children_first(self, registry: Registry) -> None:
        await populate(registry, *_TRICKY)
        texts = [text.partition("<")[0] for text in _TRICKY]
        wanted, gone = [at("a"), at("a:b"), at("nowhere")], []
        for _ in range(len(texts) + 1):
            part = points_of(await registry.delete(wanted, limit=2))
            assert len(part) <= 2, f"delete(limit=2) deletes two particles at most, not {part}"
            gone += part
            left = {point.text for point in await registry.records(map(at, texts))}
            for text in left:
                parent = at(text).parent
                assert parent is None or parent.text not in gone, f"{text!r} is left without its parent"
            if len(part) < 2:
                break
        assert gone == list(dict.fromkeys(gone)), "each is deleted once"
        below_a = [text for text in texts if text == "a" or (text.startswith("a:") and "::" not in text)]
        assert sorted(gone) == sorted(below_a)
        assert left == set(texts) - set(gone)

    async def test_deleting_a_space_leaves_the_route_of_its_name_alone(self, registry: Registry) -> None:
        await populate(registry, *_TRICKY)
        deleted = points_of(await registry.delete([at("a")]))
        assert "a:1.0.0:/x/f.txt" in deleted
        assert set(await registry.records([at("a::b"), at("a::b:c"), at("a-b:c"), at("a")])) == {
            at("a::b"),
            at("a::b:c"),
            at("a-b:c"),
        }

    async def test_delete_passes_over_what_is_not_there(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        assert await registry.delete([]) == []
        assert await registry.delete([at("nowhere")]) == []
        found = await registry.delete([at("nowhere"), at("localhost:a"), at("localhost"), at("localhost:a")])
        assert points_of(found) == ["localhost:a", "localhost"]

    async def test_delete_gives_the_records_as_they_were(self, registry: Registry) -> None:
        await registry.register(Registration(at("localhost"), SPACE, at("owner"), {"x": PropertyValue("1")}))
        record = await registry.record(at("localhost"))
        assert await registry.delete([at("localhost")]) == [record]

    async def test_the_root_cannot_be_deleted(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        before = await snapshot(registry)
        with pytest.raises(Conflict):
            await registry.delete([at("localhost"), ROOT])
        assert await snapshot(registry) == before

    async def test_nothing_of_a_deleted_particle_comes_back(self, registry: Registry) -> None:
        wanted = Registration(at("localhost"), SPACE, HYPERUSER, {"x": PropertyValue("1")}, state=b"state")
        await registry.register(wanted)
        await populate(registry, "localhost:a")
        await registry.sequence(at("localhost"))
        await registry.delete([at("localhost")])
        await populate(registry, "localhost<Space>")
        assert dict((await registry.record(at("localhost"))).properties) == {}
        assert await registry.load_state(at("localhost")) is None
        assert await registry.sequence(at("localhost")) == 1
        assert (await registry.children(at("localhost"))).records == ()

    async def test_delete_takes_the_grants_of_the_deleted(self, registry: Registry) -> None:
        await populate(registry, "a<Space>", "a:scott<User>", "a:app<App>", "a:app:part")
        by_hyper = partial(_grant, registry, by="a")
        kept = [
            await by_hyper("a:**", "a:scott"),
            await by_hyper("a:app+:**", "a:**<User>"),
            await by_hyper("a:app:*", "a"),
        ]
        await by_hyper("a:app", "a:scott")
        await by_hyper("a", "a:app:part")
        await _grant(registry, "a", "a:scott", by="a:app:part")
        since = await registry.revision()
        await registry.delete([at("a:app")])
        assert await registry.grants() == kept
        told = {point for kind, point in await heard(registry, since) if kind is ChangeKind.REVOKED}
        assert told == {"a:app", "a"}, "who may do what has changed there, and machines keep what they have read"


async def _grant(registry: Registry, on: str, to: str, *, by: str) -> AccessGrant:
    return await registry.grant(AccessGrant(GrantKind.super(), Selector.parse(on), Selector.parse(to), at(by)))


async def _populate_a_large_tree(registry: Registry) -> dict[Point, Kind]:
    """Registers 120 particles, the same ones each time."""
    chance = random.Random(4711)
    kinds: dict[Point, Kind] = {ROOT: Kind("Root")}
    for space in range(3):
        await _add(registry, kinds, at(f"s{space}"), SPACE)
    parents = [point for point in kinds if not point.is_root]
    while len(kinds) < 120:
        parent = chance.choice(parents)
        point = parent.child(f"b{chance.randrange(5)}")
        if point not in kinds and len(point.segments) < 7:
            await _add(registry, kinds, point, chance.choice((BASE, APP, USER)))
            parents.append(point)
    return kinds


async def _add(registry: Registry, kinds: dict[Point, Kind], point: Point, kind: Kind) -> None:
    await registry.register(Registration(point, kind, HYPERUSER))
    kinds[point] = kind


def _matches(selector: Selector, point: Point, kinds: dict[Point, Kind]) -> bool:
    line = [point, *point.ancestors()]
    return selector.matches(point, [kinds[above] for above in reversed(line) if not above.is_root])
