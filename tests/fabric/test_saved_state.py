"""A state after a save, a restart and a move is the state before; one that another version has saved is never lost."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Point, handler, hookimpl, state, transient
from hyperverse_core.contracts.registry import ParticleRecord, Registry
from hyperverse_core.driver import Traits
from hyperverse_core.errors import BadRequest
from hyperverse_core.plugins.class_checks.drivers import driver_mistakes
from hyperverse_core.protocol.states.same import same
from hyperverse_core.testing.fixtures import StartMachine
from protocol.state_types import TYPES

_VALUES: dict[str, Any] = {}
"""What the particles put into their fields, and what they had there, by their names."""
_NUMBERS = itertools.count()


async def _put(self: Any, ctx: Ctx) -> None:
    self.f = _VALUES[ctx.point.name]
    await ctx.save()


async def _show(self: Any, ctx: Ctx) -> None:
    _VALUES[ctx.point.name] = self.f


def _driver(name: str, annotation: Any) -> type[Driver]:
    body = {
        "__annotations__": {"f": annotation},
        "f": attrs.field(default=None),
        "put": handler("Ext<Put>")(_put),
        "show": handler("Ext<Show>")(_show),
    }
    particle = attrs.define(type("Holder", (Particle,), body))
    return type("HolderDriver", (Driver,), {"kind": KindDef(_kind(name)), "particle": particle})


def _kind(name: str) -> str:
    return "T" + name.replace("_", "").capitalize()


class Kinds:
    def __init__(self, *drivers: type[Driver]) -> None:
        self._drivers = drivers

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """All."""
        for driver in self._drivers:
            register(driver)


class Versions(Kinds):
    """Another plugin beside that of the machines here."""


_SWEEP = Kinds(*(_driver(name, annotation) for name, (annotation, _) in TYPES.items()))
_ANY_VALUE = st.one_of([values for _, values in TYPES.values()])


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (_SWEEP,)


@settings(max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_whatever_was_saved_is_there_after_a_restart_on_another_machine(
    data: st.DataObject, start_machine: StartMachine, machine_config: Any
) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=4, max_size=8))
    machine = await start_machine(config=attrs.evolve(machine_config, name=f"m{next(_NUMBERS)}"))
    client, saved = machine.client(), {}
    await client.exec("create? localhost<Space>")
    for name in names:
        point = Point.parse(f"localhost:p{next(_NUMBERS)}")
        await client.exec(f"create {point}<{_kind(name)}>")
        fitting = data.draw(st.integers(0, 2)) > 0
        value = _VALUES[point.name] = data.draw(TYPES[name][1] if fitting else _ANY_VALUE)
        reply = await client.ping(point, "Ext<Put>")
        assert reply.ok or (reply.status == 500 and "'f'" in reply.error)
        assert reply.ok or not fitting
        if reply.ok:
            saved[point] = value
    await machine.stop()
    other = await start_machine(config=attrs.evolve(machine_config, name=f"m{next(_NUMBERS)}"))
    for point, value in saved.items():
        del _VALUES[point.name]
        (await other.client().ping(point, "Ext<Show>")).unwrap()
        assert same(_VALUES[point.name], value)
    await other.stop()


# -- versions ------------------------------------------------------------------------------------------------


@attrs.define
class First(Particle):
    value: int = 7
    note: str = "kept"

    @handler("Ext<Save>")
    async def save(self, ctx: Ctx) -> None:
        await ctx.save()


@attrs.define
class Renamed(First):
    pass


def _version(name: str, /, fields: dict[str, Any], *, version: int = 1, **more: Any) -> type[Particle]:
    body = {"__annotations__": {key: type(value) for key, value in fields.items()}, **fields, **more}
    body["save"] = handler("Ext<Save>")(First.save)
    return state(version=version)(attrs.define(type(name, (Particle,), body)))


def _rename(self: Any, state: dict[str, Any], version: int) -> dict[str, Any]:
    assert version == 1
    state["total"] = state.pop("value")
    return state


@staticmethod  # type: ignore[misc]  # it is put into a class
def _static(state: dict[str, Any], version: int) -> dict[str, Any]:
    return _rename(None, state, version)


@classmethod  # type: ignore[misc]  # it is put into a class
def _forgetful(cls: Any, state: dict[str, Any], version: int) -> None:
    state["total"] = state.pop("value")


def _breaks(self: Any, state: dict[str, Any], version: int) -> dict[str, Any]:
    raise KeyError("other")


def _leaves(self: Any, state: dict[str, Any], version: int) -> dict[str, Any]:
    return state


async def _saved_by_first(start: StartMachine, registry: Registry) -> bytes:
    machine = await start(plugins=(Versions(_of(First)),))
    client = machine.client()
    for command in ("create localhost<Space>", "create localhost:v<Vee>", "ping localhost:v Ext<Save>"):
        await client.exec(command)
    await machine.stop()
    return await registry.load_state(Point.parse("localhost:v")) or b""


def _of(particle: type[Particle]) -> type[Driver]:
    return type("VeeDriver", (Driver,), {"kind": KindDef("Vee"), "particle": particle})


async def _with(start: StartMachine, particle: type[Particle]) -> Machine:
    return await start(plugins=(Versions(_of(particle)),))


@pytest.mark.parametrize(
    ("particle", "said"),
    [
        (_version("Renamed", {"total": 0, "note": ""}), "'value'"),
        (_version("Removed", {"value": 0}), "'note'"),
        (_version("Retyped", {"value": "", "note": ""}), "'value'"),
        (_version("Transient", {"value": 0, "note": transient(default="")}), "'note'"),
        (_version("NoUpgrade", {"total": 0, "note": ""}, version=2), "no `upgrade`"),
        (_version("Breaks", {"total": 0, "note": ""}, version=2, upgrade=_breaks), "other"),
        (_version("Leaves", {"total": 0, "note": ""}, version=2, upgrade=_leaves), "'value'"),
        (_version("Forgetful", {"total": 0, "note": ""}, version=2, upgrade=_forgetful), "NoneType"),
    ],
)
async def test_a_state_that_does_not_fit_is_kept_and_the_wave_says_why(
    start_machine: StartMachine, machine_registry: Registry, particle: type[Particle], said: str
) -> None:
    saved = await _saved_by_first(start_machine, machine_registry)
    machine = await _with(start_machine, particle)
    for _ in range(2):
        reply = await machine.client().ping("localhost:v", "Ext<Save>")
        assert (reply.status, said in reply.error) == (500, True), reply.error
    await machine.stop()
    assert await machine_registry.load_state(Point.parse("localhost:v")) == saved
    again = await _with(start_machine, First)
    assert await again.client().ask("localhost:v", "Cmd<Read>") == {"value": 7, "note": "kept"}


@pytest.mark.parametrize("upgrade", [_rename, _static])
async def test_an_older_state_is_upgraded_and_a_newer_one_refused(
    start_machine: StartMachine, machine_registry: Registry, upgrade: Any
) -> None:
    await _saved_by_first(start_machine, machine_registry)
    second = _version("Second", {"total": 0, "note": "", "new": 5}, version=2, upgrade=upgrade)
    machine = await _with(start_machine, second)
    client = machine.client()
    assert await client.ask("localhost:v", "Cmd<Read>") == {"total": 7, "note": "kept", "new": 5}
    await client.ask("localhost:v", "Ext<Save>")
    (shown,) = await client.exec("get localhost:v", check=False)
    assert shown.unwrap() == {"total": 7, "note": "kept", "new": 5}
    await machine.stop()
    saved = await machine_registry.load_state(Point.parse("localhost:v")) or b""
    assert msgspec.msgpack.decode(saved)["total"] == 7
    older = await _with(start_machine, _version("Second", {"total": 0, "note": "", "new": 5}))
    reply = await older.client().ping("localhost:v", "Ext<Save>")
    assert (reply.status, "version 2" in reply.error) == (500, True)
    await older.stop()
    assert await machine_registry.load_state(Point.parse("localhost:v")) == saved


@pytest.mark.parametrize("version", [0, -1, True, "2", 1.0])
def test_a_version_is_a_whole_number_from_1(version: Any) -> None:
    with pytest.raises(BadRequest, match="version"):
        state(version=version)


class Bare(Particle):
    value: int = 0


@attrs.define
class Holds(Particle):
    work: threading.Thread | None = None


@attrs.define
class NeverCalled(Particle):
    value: int = 0

    def upgrade(self, state: dict[str, Any], version: int) -> dict[str, Any]:
        return state


@pytest.mark.parametrize(
    ("particle", "said"),
    [
        (Bare, "it is not an attrs class, so 'value' would not be saved: write `@attrs.define`"),
        (Holds, "the field 'work' could be saved but not read back: threading.Thread"),
        (NeverCalled, "`upgrade` is never called: write `@state(version=2)`"),
    ],
)
def test_a_driver_whose_particles_could_not_keep_their_state_is_refused(particle: type[Particle], said: str) -> None:
    assert any(said in str(fault) for fault in driver_mistakes(_of(particle)))


class ByTraits(Driver):
    kind = KindDef("Vee")
    particle = First

    def traits(self, record: ParticleRecord) -> Traits | None:
        return Traits(particle=Bare) if record.point.name == "bare" else None


async def test_a_class_that_only_traits_name_is_checked_as_well(start_machine: StartMachine) -> None:
    machine = await start_machine(plugins=(Versions(ByTraits),))
    client = machine.client()
    for command in ("create localhost<Space>", "create localhost:fine<Vee>", "create localhost:bare<Vee>"):
        await client.exec(command)
    assert (await client.ping("localhost:fine", "Ext<Save>")).ok
    reply = await client.ping("localhost:bare", "Cmd<Read>")
    assert (reply.status, "is not an attrs class, so 'value' would not be saved" in reply.error) == (500, True)
