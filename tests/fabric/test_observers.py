"""What observers are told of, with their seconds; and what travels with the waves that a handler sends."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Observer, Particle, handler, hookimpl
from hyperverse_core.config import Config
from hyperverse_core.testing.fixtures import StartMachine
from patience import PATIENCE

TRACE = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "tracestate": "x=1", "baggage": "user=ann"}
OTHER = {"traceparent": "00-" + "c" * 32 + "-" + "d" * 16 + "-01"}


@attrs.define
class Notes(Observer):
    delivered: list[tuple[str, int | None, float]] = attrs.field(factory=list)
    refused: list[tuple[str, int]] = attrs.field(factory=list)

    def wave_delivered(self, wave: Any, reply: Any, seconds: float) -> None:
        if wave.to.text != "GLOBAL::executor":  # which has created the particles of the test
            self.delivered.append((wave.method.text, None if reply is None else reply.status, seconds))

    def wave_refused(self, wave: Any, reply: Any) -> None:
        self.refused.append((wave.method.text, reply.status))


@pytest.fixture
def notes(machine: Machine) -> Notes:
    notes = Notes()
    machine.parts.interceptors.add(notes)
    return notes


async def test_handlers_that_are_cut_off_are_told_with_408(machine: Machine, world, notes: Notes) -> None:
    await world("a<Worker>")
    await machine.client().ping("localhost:a", "Ext<Work>", {"seconds": 60.0}, wait=1.0)
    await asyncio.sleep(0.1)
    assert [(method, status) for method, status, _ in notes.delivered] == [("Ext<Work>", 408)]


@attrs.define
class Ends(Observer):
    """The two ends of each wave but those of the platform's own."""

    told: list[tuple[str, str, int, str]] = attrs.field(factory=list)

    def wave_answered(self, wave: Any, reply: Any, seconds: float) -> None:
        if wave.method.text.startswith("Ext<"):
            self.told.append(("answered", wave.method.text, reply.status, str(reply.outcome)))

    def wave_refused(self, wave: Any, reply: Any) -> None:
        self.told.append(("refused", wave.method.text, reply.status, str(reply.outcome)))

    def wave_delivered(self, wave: Any, reply: Any, seconds: float) -> None:
        if wave.method.text.startswith("Ext<") and reply is not None:
            self.told.append(("delivered", wave.method.text, reply.status, str(reply.outcome)))


async def _until(ends: Ends, *told: tuple[str, str]) -> list[tuple[str, str, int, str]]:
    """What was told, in the order of the alphabet, when as much has come as is expected, and nothing more comes."""
    async with asyncio.timeout(PATIENCE):
        while len(ends.told) < len(told):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    return sorted(ends.told)


def _late(*told: tuple[str, str]) -> list[tuple[str, str, int, str]]:
    return sorted((event, method, 408, "unknown") for event, method in told)


@pytest.mark.parametrize("sender", ["client", "handler", "pipeline"])
async def test_a_wave_that_ends_at_its_deadline_is_answered(machine: Machine, world, sender: str) -> None:
    """Also one that a handler sends, and that ends with the wave that is being handled."""
    await world("a<Worker>", "r<Relay>")
    ends, client, expected = Ends(), machine.client(), [("answered", "Ext<Work>"), ("delivered", "Ext<Work>")]
    machine.parts.interceptors.add(ends)
    if sender == "client":
        await client.ping("localhost:a", "Ext<Work>", {"seconds": 60.0}, wait=0.7)
    elif sender == "handler":
        body = {"to": "localhost:a", "method": "Ext<Work>", "body": {"seconds": 60.0}}
        await client.ping("localhost:r", "Ext<Relay>", body, wait=0.7)
        expected += [("answered", "Ext<Relay>"), ("delivered", "Ext<Relay>")]
    else:
        bind = "Bind(version=1.0.0) { Route<Ext<Work>> -> localhost:a => &; }"
        await client.exec(f"create localhost:b<Worker>{{ +bind='{bind}' }}")
        ends.told.clear()
        await client.ping("localhost:b", "Ext<Work>", {"seconds": 60.0}, wait=0.7)
        expected += [("answered", "Ext<Work>")]
    assert await _until(ends, *expected) == _late(*expected)


async def test_a_wave_whose_turn_does_not_come_in_time_is_refused(machine: Machine, world) -> None:
    await world("a<Worker>")
    ends, client = Ends(), machine.client()
    machine.parts.interceptors.add(ends)
    first = asyncio.ensure_future(client.ping("localhost:a", "Ext<Work>", {"seconds": 60.0}, wait=PATIENCE))
    await asyncio.sleep(0.1)
    assert (await client.ping("localhost:a", "Ext<Get>", wait=0.7)).status == 408
    assert ends.told == [("refused", "Ext<Get>", 408, "unknown"), ("answered", "Ext<Get>", 408, "unknown")]
    ends.told.clear()
    echoes = await client.ripple("localhost:*<Worker>", "Ext<Get>", wait=0.7)
    assert [echo.status for echo in echoes] == [408]
    await asyncio.sleep(0.1)
    assert sorted(ends.told) == [("answered", "Ext<Get>", 200, "ok"), ("refused", "Ext<Get>", 408, "unknown")]
    first.cancel()


async def test_a_deadline_is_told_at_both_machines(start_machine: StartMachine, machine_config: Config) -> None:
    one = await start_machine(config=attrs.evolve(machine_config, name="one"), plugins=(Carriers(),))
    other = await start_machine(config=attrs.evolve(machine_config, name="other"), plugins=(Carriers(),))
    await asyncio.sleep(1.0)
    client = one.client()
    await client.exec("create localhost<Space>")
    for number in range(40):
        at = f"localhost:w{number}"
        await client.exec(f"create {at}<Waiter>")
        if (await client.ping(at, "Cmd<Bounce>")).remote:
            break
    here, there = Ends(), Ends()
    one.parts.interceptors.add(here)
    other.parts.interceptors.add(there)
    assert (await client.ping(at, "Ext<Stay>", wait=1.0)).status == 408
    assert await _until(here, ("answered", "Ext<Stay>")) == _late(("answered", "Ext<Stay>"))
    assert await _until(there, ("delivered", "Ext<Stay>")) == _late(("delivered", "Ext<Stay>"))
    here.told.clear()
    first = asyncio.ensure_future(client.ping(at, "Ext<Stay>", wait=PATIENCE))
    await asyncio.sleep(0.3)
    there.told.clear()
    assert (await client.ping(at, "Ext<Next>", wait=1.0)).status == 408
    assert await _until(here, ("answered", "Ext<Next>")) == _late(("answered", "Ext<Next>"))
    assert await _until(there, ("refused", "Ext<Next>")) == _late(("refused", "Ext<Next>"))
    first.cancel()


async def test_a_failed_signal_carries_its_failure(machine: Machine, world, notes: Notes) -> None:
    await world("a<Worker>")
    for method in ("Ext<Get>", "Ext<Fail>", "Ext<Refuse>"):
        await machine.client().signal("localhost:a", method)
        await asyncio.sleep(0.1)
    told = [(method, status) for method, status, _ in notes.delivered]
    assert told == [("Ext<Get>", None), ("Ext<Fail>", 500), ("Ext<Refuse>", 503)]


async def test_what_does_not_reach_a_handler_is_told_as_refused(machine: Machine, world, notes: Notes) -> None:
    await world("a<Worker>")
    client = machine.client()
    await client.ping("localhost:nobody", "Ext<Get>")
    await client.ping("localhost:a", "Ext<Unknown>")
    await client.ping("localhost:a", "Ext<Add>", {"by": "x"})
    await client.signal("localhost:a", "Ext<Unknown>")
    await machine.client(agent="localhost:stranger").ping("localhost:a", "Ext<Get>")
    said = [("Ext<Get>", 404), ("Ext<Unknown>", 404), ("Ext<Add>", 400), ("Ext<Unknown>", 404), ("Ext<Get>", 404)]
    assert notes.refused == said
    assert notes.delivered == []


# -- trace context -----------------------------------------------------------------------------------------


@attrs.define
class Carrier(Particle):
    """Sends one wave of each kind, and tells what came with those that reach it."""

    concurrent = True
    came: list[dict[str, str]] = attrs.field(factory=list)

    @handler("Ext<Send>")
    async def send(self, ctx: Ctx, to: str, how: str, headers: dict[str, str] | None = None) -> None:
        if how == "task":
            ctx.spawn(self._later(ctx, to))
        elif how == "ping":
            (await ctx.ping(to, "Ext<Come>", headers=headers)).unwrap()
        elif how == "signal":
            await ctx.signal(to, "Ext<Come>", headers=headers)
        else:
            await ctx.ripple(to, "Ext<Come>", headers=headers)

    async def _later(self, ctx: Ctx, to: str) -> None:
        await asyncio.sleep(0.01)
        await ctx.ping(to, "Ext<Come>")

    @handler("Ext<Come>")
    async def come(self, ctx: Ctx) -> None:
        self.came.append(dict(ctx.wave.headers or {}))

    @handler("Ext<Came>")
    async def all_came(self, ctx: Ctx) -> list[dict[str, str]]:
        return self.came

    @handler("Ext<Busy>")
    async def busy(self, ctx: Ctx) -> None:
        until = time.perf_counter() + 0.0003
        while time.perf_counter() < until:
            pass


@attrs.define
class Waiter(Particle):
    """Does not answer."""

    @handler("Ext<Stay>")
    async def stay(self, ctx: Ctx) -> None:
        await asyncio.Event().wait()

    @handler("Ext<Next>")
    async def following(self, ctx: Ctx) -> None:
        """Waits for its turn."""


class WaiterDriver(Driver):
    kind = KindDef("Waiter", doc="Does not answer (for tests)")
    particle = Waiter


class CarrierDriver(Driver):
    kind = KindDef("Carrier", doc="Carries headers on (for tests)")
    particle = Carrier


class Carriers:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(CarrierDriver)
        register(WaiterDriver)


@pytest.mark.parametrize("how", ["ping", "signal", "ripple", "task"])
async def test_the_trace_travels_with_what_a_handler_sends(
    start_machine: StartMachine, machine_config: Config, how: str
) -> None:
    """Between two machines too: of twelve particles some live on each."""
    one = await start_machine(config=attrs.evolve(machine_config, name="one"), plugins=(Carriers(),))
    await start_machine(config=attrs.evolve(machine_config, name="other"), plugins=(Carriers(),))
    await asyncio.sleep(1.0)
    client = one.client()
    await client.exec("create localhost<Space>")
    machines = set()
    for number in range(12):
        at = f"localhost:c{number}"
        await client.exec(f"create {at}<Carrier>")
        machines.add((await client.ping(at, "Cmd<Bounce>")).remote)
        body = {"to": at, "how": how}
        await client.ask("localhost:c0", "Ext<Send>", body, headers={**TRACE, "private": "stays"})
        await asyncio.sleep(0.1)
        assert await client.ask(at, "Ext<Came>") == [TRACE]
        if how != "task":
            await client.ask("localhost:c0", "Ext<Send>", {**body, "headers": OTHER}, headers=TRACE)
            await asyncio.sleep(0.1)
            assert (await client.ask(at, "Ext<Came>"))[-1] == {**TRACE, **OTHER}  # what the handler sets counts
    assert machines == {True, False}


async def test_the_trace_travels_through_a_pipeline(machine: Machine, world) -> None:
    await world("b<Taker>")
    bind = "Bind(version=1.0.0) { Route<Ext<Go>> -> localhost:b => &; }"
    await machine.client().exec(f"create localhost:a<Taker>{{ +bind='{bind}' }}")
    assert (await machine.client().ask("localhost:a", "Ext<Go>", headers=TRACE))["headers"] == TRACE


async def test_seconds_of_a_short_handler_are_not_zero(start_machine: StartMachine, machine_config: Config) -> None:
    """The time of the event loop stands still here, as that of uvloop does within a millisecond."""
    machine, notes = await start_machine(config=machine_config, plugins=(Carriers(),)), Notes()
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:a<Carrier>")
    machine.parts.interceptors.add(notes)
    await client.ask("localhost:a", "Ext<Busy>")
    ((_, status, seconds),) = notes.delivered
    assert status == 200
    assert seconds >= 0.0003


# -- selections --------------------------------------------------------------------------------------------


async def reached(machine: Machine) -> list[str]:
    return sorted(echo.sender.name for echo in await machine.client().ripple("localhost:*<Carrier>", "Ext<Came>"))


async def test_a_ripple_reaches_who_is_there_after_a_create_and_a_delete(
    start_machine: StartMachine, machine_config: Config
) -> None:
    one = await start_machine(config=attrs.evolve(machine_config, name="one"), plugins=(Carriers(),))
    other = await start_machine(config=attrs.evolve(machine_config, name="other"), plugins=(Carriers(),))
    await asyncio.sleep(1.0)
    client = one.client()
    await client.exec("create localhost<Space>; create localhost:a<Carrier>")
    await asyncio.sleep(0.5)
    assert await reached(one) == await reached(other) == ["a"]
    await client.exec("create localhost:b<Carrier>")
    assert await reached(one) == ["a", "b"]  # at once
    await asyncio.sleep(0.5)  # the change feed tells the other
    assert await reached(other) == ["a", "b"]
    await client.exec("delete localhost:a")
    assert await reached(one) == ["b"]
    await asyncio.sleep(0.5)
    assert await reached(other) == ["b"]


# -- refusals of watches -----------------------------------------------------------------------------------


async def test_a_refused_watch_is_told(machine: Machine, world) -> None:
    denied: list[tuple[str, str]] = []

    class Denied(Observer):
        def access_denied(self, agent: Any, target: Any, method: str, reason: str) -> None:
            denied.append((method, target.text))

    await world("users<UserBase<Keycloak>>", "users:ann<User>", "a<Worker>")
    machine.parts.interceptors.add(Denied())
    body = {"point": "localhost:a", "aspects": ["State"]}
    ann = machine.client(agent="localhost:users:ann")
    assert (await ann.ping("GLOBAL::machine", "Ext<Watch>", body)).status == 404  # she may not know of it
    await machine.client().exec("grant perm +cSd-rwx on localhost to localhost:users:ann")
    assert (await ann.ping("GLOBAL::machine", "Ext<Watch>", body)).status == 403
    assert denied == [("watch", "localhost:a")] * 2
