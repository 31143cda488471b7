"""Conformance kit of drivers: what every driver has to do, tested with a real machine inside the process.

Subclass the kit in a test module::

    class TestCounter(DriverConformance):
        driver = CounterDriver
        changes = (("Ext<Add>", {"by": 3}),)

It needs the fixtures of the pytest plugin of ``cosmic-hyperverse[test]``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, get_type_hints

import attrs
import pytest
import pytest_asyncio

from ..config import Config
from ..contracts.driver import Driver, Particle
from ..contracts.registry import Registry
from ..errors import NotFound
from ..universe.address.point import Point
from ..universe.kinds.kind import Kind
from ..universe.routing.bind import BindConfig
from ..universe.waves.wave import Method
from .driver_calls import bad_bodies, takes
from .driver_harness import DriverHarness, DriverPlugin, Lives, kind_of, kind_to_create, required_properties
from .fixtures import StartMachine

__all__ = ["DriverConformance"]

_NOBODY_HAS_IT = "Ext<NobodyHasAHandlerForThis>"
_AT_ONCE = 50
_IDLE_AFTER = 0.05


class DriverConformance:
    """All tests of a driver. A subclass names its driver, and sets what the kit cannot find out by itself.

    Tests of your own can use the fixture ``harness``, a :class:`~hyperverse_core.testing.DriverHarness`.

    Attributes:
        driver: the driver class.
        changes: calls, each a method and a body, that change the durable state of a new particle. Without any, the
            tests about state show little.
        saves_before_it_answers: whether a change is durable when it has been answered. Set it to False for a Kind that
            promises less: its state is then only kept when the machine stops in order.
        kind_text: the Kind, as it is written to create a particle; empty for the first one that the definition allows.
        properties: properties of each new particle; None for a sample value of each required property.
        parents: points and Kinds to create first, the last one is the parent; None for the shortest way from the root.
    """

    driver: ClassVar[type[Driver]]
    changes: ClassVar[Sequence[tuple[str, Any]]] = ()
    saves_before_it_answers: ClassVar[bool] = True
    kind_text: ClassVar[str] = ""
    properties: ClassVar[Mapping[str, str] | None] = None
    parents: ClassVar[Sequence[tuple[str, str]] | None] = None

    def name(self, number: int) -> str:
        """The last segment of the particle with that ``number``, which counts from 0. Override it where names must be
        special."""
        return f"particle-{number}"

    @pytest_asyncio.fixture
    async def harness(
        self, start_machine: StartMachine, machine_config: Config, machine_registry: Registry
    ) -> DriverHarness:
        """A running machine with the driver in it."""
        kind = self.driver.kind
        lives = Lives()
        plugin = DriverPlugin(self.driver, lives)
        config = attrs.evolve(machine_config, idle_after=_IDLE_AFTER)
        made = DriverHarness(
            self.driver,
            machine_registry,
            lives,
            lambda: start_machine(plugins=[plugin], config=self.configure(config)),
            self.kind_text or kind_to_create(kind),
            required_properties(kind) if self.properties is None else self.properties,
            self.parents,
            self.name,
        )
        await made.begin()
        return made

    def configure(self, config: Config) -> Config:
        """The configuration of the machine, made from ``config``. Override it for a driver that needs settings."""
        return config

    # -- what it says of itself ---------------------------------------------------------------------------

    def test_the_kind_has_a_line_for_people(self) -> None:
        doc = self.driver.kind.doc
        assert doc.strip(), f"KindDef({self.driver.kind.name!r}) has no doc"
        assert "\n" not in doc

    def test_the_kind_can_be_written_and_read(self) -> None:
        kind = kind_of(self.driver.kind, self.kind_text)
        assert Kind.parse(str(kind)) == kind
        assert kind.base == self.driver.kind.name

    def test_the_default_bind_is_one(self) -> None:
        if self.driver.bind is not None:
            BindConfig.parse(self.driver.bind)

    def test_the_particle_class_keeps_what_it_declares(self) -> None:
        particle = self.driver.particle
        assert issubclass(particle, Particle)
        if attrs.has(particle):
            return
        declared = [name for name, hint in get_type_hints(particle).items() if not _is_class_var(hint)]
        assert not declared, f"{particle.__name__} declares {declared}, but is not an attrs class: add @attrs.define"

    def test_a_new_particle_shares_nothing_with_another(self) -> None:
        if not attrs.has(self.driver.particle):
            return
        driver = self.driver()
        text = str(kind_of(self.driver.kind, self.kind_text))
        one, other = (driver.create(point, text) for point in _POINTS)
        assert one is not other
        for field in attrs.fields(self.driver.particle):
            mine, its = getattr(one, field.name), getattr(other, field.name)
            if isinstance(mine, list | dict | set | bytearray):
                assert mine is not its, f"all particles have the same {field.name!r}: use attrs.Factory"

    async def test_the_machine_serves_the_kind(self, harness: DriverHarness) -> None:
        status = harness.machine.status()
        row = next(row for row in status["drivers"] if row["kind"] == self.driver.kind.name)
        assert (row["state"], row["cause"]) == ("Ready", "")

    async def test_its_star_kinds_and_placement_are_known(self, harness: DriverHarness) -> None:
        known = harness.machine.plugins.star_kinds
        unknown = sorted((self.driver.star_kinds or frozenset()) - set(known))
        assert not unknown, f"unknown star kinds {unknown}; known: {sorted(known)}"
        assert self.driver.placement in harness.machine.plugins.names("placement")

    async def test_some_star_takes_its_particles(self, harness: DriverHarness) -> None:
        name = self.driver.kind.name
        if harness.creatable:
            assert any(hosting.can_host(name) for hosting in harness.machine.parts.homes.values())

    # -- waves --------------------------------------------------------------------------------------------

    async def test_a_particle_can_be_created_and_answers_bounce(self, harness: DriverHarness) -> None:
        point = await self._particle(harness)
        reply = await harness.client.ping(point, "Cmd<Bounce>")
        assert reply.status == 200, reply.error
        assert reply.sender == point

    async def test_a_particle_shows_its_state(self, harness: DriverHarness) -> None:
        point = await self._particle(harness)
        reply = await harness.client.ping(point, "Cmd<Read>")
        assert reply.ok, reply.error

    async def test_an_unknown_method_is_answered_404(self, harness: DriverHarness) -> None:
        if takes(self.driver, Method.parse(_NOBODY_HAS_IT)):
            pytest.skip("a handler takes every method")
        point = await self._particle(harness)
        reply = await harness.client.ping(point, _NOBODY_HAS_IT)
        assert reply.status == 404, reply.error

    async def test_a_body_that_does_not_fit_is_answered_400_and_changes_nothing(self, harness: DriverHarness) -> None:
        point = await self._particle(harness)
        before = await harness.state(point)
        for method, body in bad_bodies(self.driver):
            reply = await harness.client.ping(point, method, body)
            assert reply.status == 400, f"{method} took {body!r}: {reply.status} {reply.error}"
        assert await harness.state(point) == before

    async def test_the_calls_that_change_it_are_answered(self, harness: DriverHarness) -> None:
        point = await self._particle(harness)
        await self._change(harness, point)

    async def test_waves_at_once_bring_one_particle_to_life(self, harness: DriverHarness) -> None:
        point = await self._particle(harness)
        replies = await asyncio.gather(*(harness.client.ping(point, "Cmd<Read>") for _ in range(_AT_ONCE)))
        assert {reply.status for reply in replies} == {200}
        assert harness.lives.begun.count(point) == 1

    # -- state --------------------------------------------------------------------------------------------

    async def test_what_was_answered_survives_a_crash(self, harness: DriverHarness) -> None:
        if not self.changes or not self.saves_before_it_answers:
            pytest.skip("nothing is promised")
        point = await self._particle(harness)
        await self._change(harness, point)
        assert await harness.saved(point) == await harness.state(point), "the state was not saved before the answer"

    async def test_an_idle_particle_leaves_memory_and_comes_back_as_it_was(self, harness: DriverHarness) -> None:
        point = await self._particle(harness)
        await self._change(harness, point)
        before = await harness.state(point)
        await harness.passivate(point)
        assert await harness.state(point) == before
        assert harness.lives.begun.count(point) == 2

    async def test_a_restart_keeps_the_state(self, harness: DriverHarness) -> None:
        point = await self._particle(harness)
        await self._change(harness, point)
        before = await harness.state(point)
        await harness.restart()
        assert await harness.state(point) == before

    async def test_a_change_changes_one_particle_only(self, harness: DriverHarness) -> None:
        one, other = await self._particle(harness), await harness.new()
        before = await harness.state(other)
        await self._change(harness, one)
        assert await harness.state(other) == before

    # -- the end ------------------------------------------------------------------------------------------

    async def test_a_deleted_particle_leaves_nothing(self, harness: DriverHarness) -> None:
        point = await self._particle(harness)
        await self._change(harness, point)
        await harness.delete(point)
        assert (await harness.client.ping(point, "Cmd<Bounce>")).status == 404
        with pytest.raises(NotFound):
            await harness.registry.record(point)
        with pytest.raises(NotFound):
            await harness.registry.load_state(point)

    async def test_a_particle_that_is_created_again_begins_anew(self, harness: DriverHarness) -> None:
        point = await self._particle(harness)
        fresh = await harness.state(point)
        await self._change(harness, point)
        await harness.delete(point)
        await harness.create(point)
        assert await harness.state(point) == fresh

    # -- what the tests need ------------------------------------------------------------------------------

    async def _particle(self, harness: DriverHarness) -> Point:
        if not harness.creatable:
            pytest.skip(f"the platform itself makes the particles of Kind {self.driver.kind.name}")
        return await harness.new()

    async def _change(self, harness: DriverHarness, point: Point) -> None:
        for method, body in self.changes:
            reply = await harness.client.ping(point, method, body)
            assert reply.ok, f"{method} {body!r}: {reply.status} {reply.error}"


_POINTS = (Point.parse("localhost:one"), Point.parse("localhost:other"))


def _is_class_var(hint: object) -> bool:
    return getattr(hint, "__origin__", None) is ClassVar or hint is ClassVar
