"""Placement: the built-in strategies, what they know of other machines, and those that are wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import (
    Candidate,
    Driver,
    Kind,
    KindDef,
    Particle,
    ParticleRecord,
    Placement,
    Point,
    Register,
    StarKey,
    hookimpl,
)
from hyperverse_core.contracts.placement import Hash, NearParent, RoundRobin, Spread
from hyperverse_core.errors import ConfigError
from hyperverse_core.fabric.cluster.facts import Facts
from hyperverse_core.testing import PlacementConformance


class TestSpread(PlacementConformance):
    placement = Spread


class TestRoundRobin(PlacementConformance):
    placement = RoundRobin


class TestHash(PlacementConformance):
    placement = Hash


class TestNearParent(PlacementConformance):
    placement = NearParent


class Thing(Particle):
    """Has no behaviour."""


class Strategy(Placement):
    """Chooses as the test says, and keeps what it was given."""

    answer: Any = None
    seen: list[Candidate] = []

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        type(self).seen = list(candidates)
        if isinstance(self.answer, Exception):
            raise self.answer
        return candidates[0].star if self.answer is None else self.answer


class Plugin:
    """A Kind that the strategy places."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        class ThingDriver(Driver):
            kind = KindDef("Thing", doc="is placed")
            particle = Thing
            placement = "odd"

            def prepared(self) -> tuple[str, ...]:
                return ("module-one",)

            def needs(self, record: ParticleRecord) -> tuple[str, ...]:
                if record.point.name == "fails":
                    raise ValueError("it does not know")
                return (f"module-{record.point.name}",)

        register(ThingDriver)

    @hookimpl
    def hyperverse_register_placements(self, register: Register) -> None:
        class Odd(Strategy):
            answer = None

        self.odd = Odd
        register("odd", Odd)


@pytest.mark.parametrize(
    "answer", [StarKey("central", "nowhere"), None.__class__, "STAR", ValueError("no idea")], ids=str
)
async def test_an_answer_that_is_no_candidate_is_refused_and_named(start_machine, answer) -> None:
    plugin = Plugin()
    machine = await start_machine(plugins=[plugin])
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:t<Thing>")
    plugin.odd.answer = answer
    reply = await client.ping("localhost:t", "Cmd<Bounce>")
    assert (reply.status, "Odd" in reply.error, "'localhost:t'" in reply.error) == (500, True, True)
    assert (await machine.registry.record(Point.parse("localhost:t"))).assignment is None
    plugin.odd.answer = None
    assert (await client.ping("localhost:t", "Cmd<Bounce>")).ok  # the next wave asks again


async def test_each_particle_is_told_which_star_hosts_its_parent_and_how_full_they_are(start_machine) -> None:
    plugin = Plugin()
    told: dict[str, tuple[list[StarKey], dict[StarKey, int]]] = {}

    def choose(self: Placement, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        told[point.text] = [c.star for c in candidates if c.hosts_parent], {c.star: c.particles for c in candidates}
        return candidates[point.text.count("a")].star

    machine = await start_machine(plugins=[plugin])
    plugin.odd.choose = choose
    client = machine.client()
    points = ["localhost:a", "localhost:aa", "localhost:a:b", "localhost:aa:b", "localhost:a:c", "localhost:c"]
    await client.exec("; ".join(["create localhost<Space>", *(f"create {p}<Thing>" for p in points)]))
    homes = {}
    for point in points:
        homes[point] = StarKey.parse((await client.ping(point, "Cmd<Bounce>")).receipt.star)
    parents = {point: told[point][0] for point in points}
    assert homes["localhost:a"] != homes["localhost:aa"]
    assert parents["localhost:a:b"] == parents["localhost:a:c"] == [homes["localhost:a"]]
    assert parents["localhost:aa:b"] == [homes["localhost:aa"]]
    assert parents["localhost:c"] == parents["localhost:a"] == []
    counts = [told[point][1] for point in points]
    for earlier, later, point in zip(counts, counts[1:], points, strict=False):
        assert later == {**earlier, homes[point]: earlier[homes[point]] + 1}


async def test_a_candidate_says_what_its_machine_is_like(start_machine, machine_config) -> None:
    plugin = Plugin()
    one = await start_machine(config=attrs.evolve(machine_config, name="one", labels={"zone": "a"}), plugins=[plugin])
    await start_machine(config=attrs.evolve(machine_config, name="other", labels={"zone": "b"}), plugins=[Plugin()])
    for _ in range(50):
        await asyncio.sleep(0.2)
        facts = [Facts.read(star.facts) for star in await one.registry.stars() if star.machine == "other"]
        if facts and all(fact.prepared for fact in facts):
            break
    await one.parts.reader.refresh()
    await one.client().exec("create localhost<Space>; create localhost:t<Thing>")
    assert (await one.client().ping("localhost:t", "Cmd<Bounce>")).ok
    seen = {candidate.machine: candidate for candidate in plugin.odd.seen}
    assert {name: dict(candidate.labels) for name, candidate in seen.items()} == {
        "one": {"zone": "a"},
        "other": {"zone": "b"},
    }
    assert not any(candidate.ready for candidate in plugin.odd.seen)
    for name, ready in (("one", True), ("fails", False)):
        await one.client().exec(f"create localhost:{name}<Thing>")
        assert (await one.client().ping(f"localhost:{name}", "Cmd<Bounce>")).ok
        assert {candidate.ready for candidate in plugin.odd.seen} == {ready}
    for candidate in seen.values():
        assert 0.0 <= candidate.load <= 1.0
        assert candidate.memory >= 0
        assert candidate.prepared == {"module-one"}
        assert candidate.same_machine == (candidate.machine == "one")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"load": "much"}', '{"labels": 1}', '{"memory": null}'])
def test_facts_that_cannot_be_read_are_not_known(text: str) -> None:
    assert Facts.read(text) == Facts()


def test_facts_are_told_and_read() -> None:
    facts = Facts(0.25, 1024, {"zone": "a"}, {"Thing": frozenset({"one", "two"})})
    assert Facts.read(facts.text) == facts


def test_labels_are_texts(machine_config) -> None:
    with pytest.raises(ConfigError, match="labels"):
        attrs.evolve(machine_config, labels={"cores": 4})
