"""The harness of DriverConformance: a real machine with the driver, and particles of the driver's Kind."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from ...contracts.driver import Driver, Particle
from ...contracts.observer import Observer
from ...contracts.registry import Registry, Status
from ...errors import NotFound
from ...fabric.particles.conversion import to_body
from ...hookspecs import hookimpl
from ...protocol.states.fields import shown
from ...universe.address.point import ROOT, Point
from ...universe.address.star_key import StarKey
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kind_defs.kind_template import KindTemplate
from ...universe.kinds.kind import Kind

if TYPE_CHECKING:
    from ...client.api import Result
    from ...fabric.delivery.local_client import LocalClient
    from ...fabric.machine import Machine
    from ...fabric.particles.served import Served

__all__ = ["DriverHarness", "DriverPlugin", "Lives", "kind_of", "kind_to_create", "required_properties"]

_PATIENCE = 60.0
_GLANCE = 0.02
_WORKING = 3.0
"""Seconds after which a particle that still has background work is assumed never to end it."""


class Lives(Observer):
    """Records which particles are activated and deactivated."""

    def __init__(self) -> None:
        self.begun: list[Point] = []
        self._waiting: dict[Point, asyncio.Event] = {}

    def particle_provisioned(self, point: Point, star: StarKey) -> None:
        """Records the activation."""
        self.begun.append(point)

    def particle_released(self, point: Point, star: StarKey) -> None:
        """Wakes the test that waits for it."""
        if point in self._waiting:
            self._waiting.pop(point).set()

    async def end_of(self, point: Point) -> None:
        """Returns when ``point`` has left memory. Raises TimeoutError after a minute."""
        async with asyncio.timeout(_PATIENCE):
            await self._waiting.setdefault(point, asyncio.Event()).wait()


class DriverPlugin:
    """A plugin with the driver and an observer. Another plugin of the machine may register the same driver."""

    def __init__(self, driver: type[Driver], lives: Lives) -> None:
        self._driver = driver
        self._lives = lives

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Registers the driver."""
        register(self._driver)

    @hookimpl
    def hyperverse_register_observers(self, register: Callable[[Observer], None]) -> None:
        """Registers the observer."""
        register(self._lives)


def kind_to_create(kind: KindDef) -> str:
    """Returns the text of a Kind with which a particle of it can be created."""
    if not kind.sub_required:
        return kind.name
    sub = next(iter(kind.aliases), kind.subs[0])
    if kind.specific_required and sub not in kind.aliases:
        sub = f"{sub}<example.org:example.org:product:variant:(1.0.0)>"
    return f"{kind.name}<{sub}>"


def kind_of(kind: KindDef, text: str = "") -> Kind:
    """Returns the Kind of the particles that ``text`` creates; if it is empty, of those that :func:`kind_to_create`
    creates. Raises BadRequest and UnknownKind."""
    return KindTemplate.parse(text or kind_to_create(kind)).resolve({kind.name: kind})


def required_properties(kind: KindDef) -> dict[str, str]:
    """A sample value for each property that is required to create a particle."""
    return {
        definition.key: definition.pattern.sample
        for definition in kind.properties
        if definition.required and definition.default is None
    }


@attrs.define
class DriverHarness:
    """A machine with the driver in it, and what tests do with particles of its Kind.

    Attributes:
        driver: the driver class that is tested.
        registry: the registry, which outlives the machines.
        lives: the particles that were activated and deactivated, over all machines.
        start: starts a machine with the driver in it.
        kind_text: the Kind of the particles, as it is written to create one.
        properties: the properties of each new particle.
        parents: points and Kinds of the particles above; None to find them automatically.
        name: the last segment of the particle with a number.
        machine: the machine that runs now.

    Example::

        async def test_it_adds_one(self, harness: DriverHarness) -> None:
            point = await harness.new()
            assert await harness.client.ask(point, "Ext<Add>") == 1
    """

    driver: type[Driver]
    registry: Registry
    lives: Lives
    start: Callable[[], Awaitable[Machine]]
    kind_text: str
    properties: Mapping[str, str]
    parents: Sequence[tuple[str, str]] | None
    name: Callable[[int], str]
    machine: Machine = attrs.field(init=False)
    _numbers: Iterator[int] = attrs.field(init=False, factory=itertools.count)

    async def begin(self) -> None:
        """Starts the first machine, and waits until the driver has started: nothing is made before that."""
        self.machine = await self.start()
        await self._ready()

    async def restart(self) -> None:
        """Stops the machine and starts another one with the same registry."""
        await self.machine.stop()
        self.machine = await self.start()
        await self._ready()

    async def _ready(self) -> None:
        """Waits until the driver has started or failed to; the tests then report what is wrong."""
        served = self.machine.parts.served.get(self.driver.kind.name)
        until = asyncio.get_running_loop().time() + _PATIENCE
        while served is not None and served.status in (Status.PENDING, Status.INIT):
            if asyncio.get_running_loop().time() > until:
                return
            await asyncio.sleep(_GLANCE)

    @property
    def client(self) -> LocalClient:
        """A client of the running machine, with the rights of the hyperuser."""
        return self.machine.client()

    @property
    def creatable(self) -> bool:
        """Whether particles of the Kind can be created: the platform itself makes those of some Kinds."""
        return bool(self.driver.kind.parents)

    @property
    def served(self) -> Served:
        """How the running machine serves the Kind; it has the driver object. Fails the test when it does not."""
        name = self.driver.kind.name
        served = self.machine.parts.served.get(name)
        why = self.machine.plugins.why_missing(name).lstrip("; ") or "another plugin claims it, or it has failed"
        assert served is not None, f"the machine must serve the Kind {name!r}, and does not: {why}"
        return served

    # -- particles ----------------------------------------------------------------------------------------

    async def new(self) -> Point:
        """Creates a particle of the Kind, and the particles that must be above it. Returns its point. Raises NotFound
        when no Kind here can be its parent."""
        parent = ROOT
        for text, kind in self._places():
            await self._create(f"create? {text}<{kind}>", required_properties(self._kind(kind)))
            parent = Point.parse(text)
        point = parent.child(self.name(next(self._numbers)))
        await self.create(point)
        return point

    async def unused(self) -> Point:
        """A point for one more particle, of which only the parent is registered. Raises NotFound, see :meth:`new`."""
        places = self._places()
        parent = Point.parse(places[-1][0]) if places else ROOT
        return parent.child(self.name(next(self._numbers)))

    async def try_to_create(self, point: Point, properties: Mapping[str, str]) -> Result:
        """Runs the command that creates a particle, and returns its answer.

        Args:
            point: the address of the particle.
            properties: its properties by name.
        """
        return (await self.client.exec(_creation(f"create {point}<{self.kind_text}>", properties), check=False))[-1]

    async def make(self, point: Point) -> Particle:
        """An object for the particle at ``point`` without state, as the driver makes it at each activation."""
        record = await self.registry.record(point)
        served = self.served.of_record(record)
        return await served.make(record) if served.makes else served.particle()

    def living(self, point: Point) -> Particle:
        """The object of the active particle at ``point``. Raises NotFound when it is not active."""
        active = self.machine.parts.homes.at_home(point)
        if active is None or active.particle is None:
            raise NotFound(f"{point.text!r} is not active")
        return active.particle

    async def create(self, point: Point) -> None:
        """Creates a particle of the Kind at ``point``, whose parent must be registered."""
        await self._create(f"create {point}<{self.kind_text}>", self.properties)

    async def _create(self, command: str, properties: Mapping[str, str]) -> None:
        await self.client.exec(_creation(command, properties))

    def _kind(self, text: str) -> KindDef:
        return self.machine.parts.served.known[KindTemplate.parse(text).base]

    def _places(self) -> Sequence[tuple[str, str]]:
        """Points and Kinds of the particles above: the given ones, or the shortest way from the root."""
        if self.parents is not None:
            return self.parents
        served = {name: served.kind for name, served in self.machine.parts.served.items()}
        own = kind_of(self.driver.kind, self.kind_text)
        ways: list[list[KindDef]] = [[served["Root"]]]
        for _ in range(6):
            for way in ways:
                above = kind_of(way[-1])
                if way[-1].may_hold(own) and self.driver.kind.may_live_under(above):
                    return _named(way[1:])
            ways = [[*way, step] for way in ways for step in served.values() if _may_follow(way, step)]
        raise NotFound(
            f"no Kind here can be the parent of a {self.driver.kind.name}, which accepts "
            f"{', '.join(self.driver.kind.parents)}",
            hint="set `parents` in the test class",
        )

    # -- what they do -------------------------------------------------------------------------------------

    async def state(self, point: Point) -> Any:
        """The state that the particle at ``point`` shows: its answer to ``Cmd<Read>``."""
        return await self.client.ask(point, "Cmd<Read>")

    async def saved(self, point: Point) -> Any:
        """The saved state of the particle at ``point``, as ``Cmd<Read>`` shows it: what a crash would leave. An empty
        map when nothing was saved. Raises HandlerFailed when what was saved cannot be shown."""
        saved = await self.registry.load_state(point)
        return {} if saved is None else to_body(shown(saved))

    async def passivate(self, point: Point) -> None:
        """Waits until the particle at ``point`` is idle and has left memory. Returns immediately if it has already
        left."""
        if self.machine.parts.homes.at_home(point) is None:
            return  # on a busy computer it may have left since its last wave, and is not reported again
        end = asyncio.create_task(self.lives.end_of(point))
        try:
            await asyncio.wait([end], timeout=_WORKING)
            active = self.machine.parts.homes.at_home(point)
            if not end.done() and active is not None and active.background:
                raise AssertionError(
                    f"an idle particle must leave memory, and {point.text!r} has {len(active.background)} pieces of "
                    "background work that do not end: end them, or declare `never_idle = True` in the test class"
                )
            await end
        except TimeoutError:
            raise AssertionError(
                f"an idle particle must leave memory, and {point.text!r} has not {_PATIENCE:g} s after its last wave"
            ) from None
        finally:
            end.cancel()

    async def delete(self, point: Point) -> None:
        """Deletes the particle at ``point``, with everything below it."""
        await self.client.exec(f"delete {point}")


def _creation(command: str, properties: Mapping[str, str]) -> str:
    block = ", ".join(f"+{key}={value}" for key, value in properties.items())
    return f"{command}{{ {block} }}" if block else command


def _may_follow(way: Sequence[KindDef], step: KindDef) -> bool:
    if step in way:
        return False
    above, below = kind_of(way[-1]), kind_of(step)
    return way[-1].may_hold(below) and step.may_live_under(above)


def _named(way: Sequence[KindDef]) -> list[tuple[str, str]]:
    """Points for a sequence of Kinds that begins with a Space."""
    places: list[tuple[str, str]] = []
    for step in way:
        text = f"{places[-1][0]}:{step.name.lower()}" if places else "localhost"
        places.append((text, kind_to_create(step)))
    return places
