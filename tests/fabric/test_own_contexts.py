"""What a handler sets in a context variable is its own, also where one worker serves many handlers in a row."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Point, handler, hookimpl

_NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


@attrs.define
class Teller(Particle):
    """Notes what it finds in the variable, and then sets it."""

    found: list[str] = attrs.field(factory=list)

    async def on_start(self, ctx: Ctx) -> None:
        """Sets it too."""
        _NAME.set("on_start")

    @handler("Ext<Tell>")
    async def tell(self, ctx: Ctx, name: str, pause: bool = False, fails: bool = False) -> str:
        """What was found, after it was noted."""
        found = _NAME.get()
        self.found.append(f"{name} found {found}")
        if pause:
            await asyncio.sleep(0)
        _NAME.set(name)
        if fails:
            raise ValueError(name)
        return found

    @handler("Ext<Quiet>")
    async def quiet(self, ctx: Ctx, name: str) -> None:
        """Sets nothing."""
        self.found.append(f"{name} found {_NAME.get()}")

    @handler("Ext<Found>")
    async def all_found(self, ctx: Ctx) -> list[str]:
        """What was found so far."""
        return self.found


class TellerDriver(Driver):
    """Serves Teller."""

    kind = KindDef("Teller", doc="tells")
    particle = Teller


class Tellers:
    """The plugin."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Registers the driver."""
        register(TellerDriver)


@pytest.fixture
async def machine(start_machine: Any) -> Machine:
    machine: Machine = await start_machine(plugins=[Tellers()])
    names = ("a", "b", "c")
    await machine.client().exec("create localhost<Space>; " + "; ".join(f"create localhost:{n}<Teller>" for n in names))
    return machine


@pytest.mark.parametrize("pause", [False, True])
async def test_no_signal_sees_what_an_earlier_one_has_set_and_all_keep_their_order(
    machine: Machine, pause: bool
) -> None:
    client = machine.client()
    sent: dict[str, list[str]] = {"a": [], "b": []}
    for number in range(40):
        for name, names in sent.items():
            method = "Ext<Quiet>" if number % 3 == 2 else "Ext<Tell>"
            body: dict[str, Any] = {"name": f"s{number}"}
            if method == "Ext<Tell>":
                body |= {"pause": pause}
            assert (await client.signal(f"localhost:{name}", method, body)).status == 202
            names.append(f"s{number} found nobody")
    for name, names in sent.items():
        assert await client.ask(f"localhost:{name}", "Ext<Found>", wait=5.0) == names


async def test_what_a_particle_sets_when_it_starts_no_signal_sees(machine: Machine) -> None:
    client = machine.client()
    await asyncio.gather(*(client.signal("localhost:a", "Ext<Quiet>", {"name": f"s{n}"}) for n in range(5)))
    assert await client.ask("localhost:a", "Ext<Found>", wait=5.0) == [f"s{n} found nobody" for n in range(5)]


@pytest.mark.parametrize("how", ["plain", "pauses", "fails"])
async def test_no_recipient_of_a_ripple_sees_what_another_has_set(machine: Machine, how: str) -> None:
    client = machine.client()
    points = [Point.parse(f"localhost:{name}") for name in "abc"]
    body = {"name": "r", "pause": how == "pauses", "fails": how == "fails"}
    for _ in range(3):
        echoes = await client.ripple(points, "Ext<Tell>", body, wait=5.0)
        assert [echo.status for echo in echoes] == [500 if how == "fails" else 200] * 3
        if how != "fails":
            assert {echo.body for echo in echoes} == {"nobody"}
    for point in points:
        found = await client.ask(point, "Ext<Found>")
        assert set(found) <= {"r found nobody"}


async def test_a_worker_takes_over_nothing_of_whoever_needed_it(machine: Machine) -> None:
    _NAME.set("the test")
    client = machine.client()
    assert await client.ask("localhost:a", "Ext<Tell>", {"name": "x"}) == "nobody"
    await client.signal("localhost:b", "Ext<Quiet>", {"name": "s"})
    (echo,) = await client.ripple([Point.parse("localhost:c")], "Ext<Tell>", {"name": "r"})
    assert echo.body == "nobody"
    assert await client.ask("localhost:b", "Ext<Found>") == ["s found nobody"]
    assert _NAME.get() == "the test"


_SEEN: list[tuple[str, str]] = []


class SetterDriver(Driver):
    """Whose every method notes what it finds in the variable, and then sets it."""

    kind = KindDef("Setter", doc="sets")
    particle = Teller

    def _note(self, what: str) -> None:
        _SEEN.append((what, _NAME.get()))
        _NAME.set(what)

    async def check(self, *_: Any) -> None:
        """Notes."""
        self._note("check")
        await asyncio.sleep(0)

    def traits(self, record: Any) -> None:
        """Notes."""
        self._note("traits")

    async def create(self, record: Any) -> Particle:
        """Notes."""
        self._note("create")
        return Teller()

    async def on_delete(self, point: Any) -> None:
        """Notes."""
        self._note("on_delete")

    def prepared(self) -> list[str]:
        """Notes."""
        self._note("prepared")
        return []


class Setters:
    """The plugin."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """One."""
        register(SetterDriver)


async def test_what_a_driver_sets_is_its_own(start_machine: Any) -> None:
    _SEEN.clear()
    client = (await start_machine(plugins=[Setters()])).client()
    _NAME.set("the caller")
    await client.exec("create localhost<Space>; create localhost:a<Setter>")
    assert await client.ask("localhost:a", "Ext<Tell>", {"name": "x"}) == "nobody"
    await client.exec("delete localhost:a")
    await asyncio.sleep(60.0)
    assert {what for what, _ in _SEEN} == {"check", "traits", "create", "on_delete", "prepared"}
    assert {found for _, found in _SEEN} == {"nobody"}
    assert _NAME.get() == "the caller"
