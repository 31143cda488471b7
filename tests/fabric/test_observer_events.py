"""What observers are told: both ends of a wave, failures alone, and the lives of particles, drivers, leases, lanes."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from hyperverse_core import UNWANTED, Driver, KindDef, Machine, Observer, Particle, Traffic, WaveEnd, hookimpl
from hyperverse_core.config import Config
from hyperverse_core.errors import NotHostedHere
from hyperverse_core.testing.fixtures import StartMachine
from hyperverse_core.values import Method, Ping, Point
from patience import until


@attrs.define(eq=False)
class Ends(Observer):
    """Both ends of waves, numbered when they begin."""

    told: list[tuple[str, Any, WaveEnd]] = attrs.field(factory=list)
    begun: int = 0

    def _next(self, wave: Any) -> int | object:
        if not wave.method.text.startswith("Ext<") or wave.method.text == "Ext<Get>":
            return UNWANTED
        self.begun += 1
        return self.begun

    def wave_begins(self, wave: Any, headers: dict[str, str]) -> int | object:
        return self._next(wave)

    def wave_ends(self, wave: Any, end: WaveEnd, begun: Any) -> None:
        self.told.append(("sender", begun, end))

    def handler_begins(self, wave: Any, waited: float) -> int | object:
        return self._next(wave)

    def handler_ends(self, wave: Any, end: WaveEnd, begun: Any) -> None:
        self.told.append(("handler", begun, end))

    def outcomes(self) -> list[tuple[str, Any, str, int]]:
        return [(where, begun, str(end.outcome), end.status) for where, begun, end in self.told]


@pytest.fixture
def ends(machine: Machine) -> Ends:
    ends = Ends()
    machine.parts.interceptors.add(ends)
    return ends


async def test_an_end_gets_what_its_beginning_has_returned(machine: Machine, world, ends: Ends) -> None:
    await world("a<Worker>")
    for method in ("Ext<Add>", "Ext<Fail>", "Ext<Refuse>"):
        await machine.client().ping("localhost:a", method)
    assert ends.outcomes() == [
        ("handler", 2, "ok", 200),
        ("sender", 1, "ok", 200),
        ("handler", 4, "failed", 500),
        ("sender", 3, "failed", 500),
        ("handler", 6, "failed", 503),
        ("sender", 5, "failed", 503),
    ]
    assert "ValueError" in ends.told[2][2].why and ends.told[2][2].ran


async def test_a_signal_is_told_with_its_outcome(machine: Machine, world, ends: Ends) -> None:
    await world("a<Worker>")
    for method in ("Ext<Add>", "Ext<Fail>", "Ext<Nothing>"):
        await machine.client().signal("localhost:a", method)
        await asyncio.sleep(0.1)
    assert ends.outcomes() == [
        ("sender", 1, "ok", 202),
        ("handler", 2, "ok", 200),
        ("sender", 3, "ok", 202),
        ("handler", 4, "failed", 500),
        ("handler", None, "rejected", 404),
        ("sender", 5, "rejected", 404),
    ]
    assert not ends.told[4][2].ran and ends.told[1][2].reply is None


async def test_a_wave_that_is_cut_off_ends_at_both_ends(machine: Machine, world, ends: Ends) -> None:
    await world("a<Worker>")
    await machine.client().ping("localhost:a", "Ext<Work>", {"seconds": 60.0}, wait=1.0)
    assert sorted(ends.outcomes()) == [("handler", 2, "unknown", 408), ("sender", 1, "unknown", 408)]
    waiting = asyncio.ensure_future(machine.client().ping("localhost:a", "Ext<Work>", {"seconds": 60.0}))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.sleep(0.1)
    assert ("sender", 3, "unknown", 503) in ends.outcomes(), "nobody waits for it any more, and that is its end"


@pytest.mark.parametrize("send", ["ping", "signal"])
async def test_waiting_for_the_turn_is_told_apart_from_running(
    machine: Machine, world, ends: Ends, send: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of this test goes on with the waits of the event loop."""
    loop = asyncio.get_running_loop()
    for module in ("interception.watching", "particles.active"):
        monkeypatch.setattr(f"hyperverse_core.fabric.{module}.perf_counter", loop.time)
    await world("a<Worker>")
    client = machine.client()
    await client.ping("localhost:a", "Ext<Work>")
    ends.told.clear()
    first = asyncio.ensure_future(client.ping("localhost:a", "Ext<Work>", {"seconds": 3.0}))
    await asyncio.sleep(1.0)
    await getattr(client, send)("localhost:a", "Ext<Work>", {"seconds": 5.0})
    await first
    await asyncio.sleep(10.0)
    ran = [(end.waited, end.seconds) for where, _, end in ends.told if where == "handler"]
    assert ran == [(0.0, pytest.approx(3.0, abs=0.1)), (pytest.approx(2.0, abs=0.1), pytest.approx(5.0, abs=0.1))]


async def test_a_wave_that_nobody_wants_is_told_no_further(machine: Machine, world, ends: Ends) -> None:
    await world("a<Worker>")
    await machine.client().ping("localhost:a", "Ext<Get>")
    assert ends.told == []
    watch = machine.parts.interceptors.handlers
    assert watch is not None
    wave = Ping(Point.parse("localhost:a"), Method.parse("Ext<Get>"))
    assert watch.begin(wave, 0.0) is None, "and nothing of it is kept until its end"


@attrs.define(eq=False)
class Failures(Observer):
    told: list[tuple[bool, str, int, bool]] = attrs.field(factory=list)

    def wave_failed(self, wave: Any, end: WaveEnd) -> None:
        self.told.append((end.at_sender, wave.method.text, end.status, end.ran))


async def test_failures_alone_cost_waves_that_succeed_nothing(machine: Machine, world) -> None:
    await world("a<Worker>")
    failures, client = Failures(), machine.client()
    chain = machine.parts.interceptors
    chain.add(failures)
    assert chain.senders is None and chain.handlers is None
    await client.ping("localhost:a", "Ext<Add>")
    assert failures.told == []
    await client.ping("localhost:a", "Ext<Fail>")
    assert failures.told == [(False, "Ext<Fail>", 500, True), (True, "Ext<Fail>", 500, True)]
    failures.told.clear()
    await client.signal("localhost:a", "Ext<Fail>")
    await asyncio.sleep(0.1)
    assert failures.told == [(False, "Ext<Fail>", 500, True)]
    failures.told.clear()
    await client.ping("localhost:a", "Ext<Nothing>")
    assert failures.told == [(False, "Ext<Nothing>", 404, False), (True, "Ext<Nothing>", 404, True)]
    failures.told.clear()
    await client.ping("localhost:a", "Ext<Work>", {"seconds": 60.0}, wait=0.5)
    assert failures.told == [(False, "Ext<Work>", 408, True), (True, "Ext<Work>", 408, True)]


@attrs.define(eq=False)
class Lives(Observer):
    """The lives of particles, drivers and leases."""

    told: list[tuple[Any, ...]] = attrs.field(factory=list)

    def particle_provisioned(self, point: Any, star: Any) -> None:
        self.told.append(("came", point.text))

    def particle_loaded(self, point: Any, star: Any, size: int) -> None:
        self.told.append(("loaded", point.text, size > 0))

    def particle_woken(self, point: Any, star: Any, seconds: float) -> None:
        self.told.append(("woken", point.text, seconds >= 0.0))

    def particle_saved(self, point: Any, star: Any, size: int, seconds: float) -> None:
        self.told.append(("saved", point.text, size > 0 and seconds >= 0.0))

    def particle_moved(self, point: Any, origin: Any, target: Any) -> None:
        self.told.append(("moved", point.text, str(origin) != str(target)))

    def particle_released(self, point: Any, star: Any) -> None:
        self.told.append(("left", point.text))

    def driver_changed(self, kind: str, state: str, cause: str) -> None:
        if kind == "Slow":
            self.told.append(("driver", state, cause))

    def lease_changed(self, held: bool, cause: str) -> None:
        self.told.append(("lease", held, cause != ""))


async def test_the_life_of_a_particle_is_told(machine: Machine, world) -> None:
    await world()
    lives, client = Lives(), machine.client()
    machine.parts.interceptors.add(lives)
    await client.exec("create localhost:a<Worker>")
    await client.ping("localhost:a", "Ext<Add>")
    of_a = [("came", "localhost:a"), ("loaded", "localhost:a", False), ("woken", "localhost:a", True)]
    assert lives.told == [*of_a, ("saved", "localhost:a", True)]
    lives.told.clear()
    at = (await client.ping("localhost:a", "Ext<Get>")).star
    target = next(
        star for star in machine.parts.homes if str(star) != at and machine.parts.homes[star].can_host("Worker")
    )
    await client.ping("GLOBAL::machine", "Ext<Move>", {"point": "localhost:a", "star": str(target)})
    assert lives.told[-1] == ("moved", "localhost:a", True)
    assert ("left", "localhost:a") in lives.told and ("came", "localhost:a") in lives.told
    lives.told.clear()
    assert await client.ask("localhost:a", "Ext<Get>") == 1
    assert lives.told == [("loaded", "localhost:a", True), ("woken", "localhost:a", True)]


class SlowDriver(Driver):
    """Its first start fails."""

    kind = KindDef("Slow")
    particle = Particle
    tried = 0

    async def start(self, host: Any) -> None:
        self.tried += 1
        if self.tried == 1:
            raise ConnectionError("nobody answers")


class Brings:
    def __init__(self, lives: Observer) -> None:
        self._lives = lives

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(SlowDriver)

    @hookimpl
    def hyperverse_register_observers(self, register: Any) -> None:
        register(self._lives)


async def test_drivers_and_leases_tell_their_changes(start_machine: StartMachine) -> None:
    lives = Lives()
    machine = await start_machine(plugins=[Brings(lives)])
    await until(lambda: ("driver", "Ready", "") in lives.told, "the driver starts")
    assert lives.told[:2] == [("driver", "Panic", "ConnectionError: nobody answers"), ("lease", True, False)]
    registry = machine.parts.registry

    async def refuse(*_: object) -> None:
        registry.renew = renew  # type: ignore[method-assign]
        raise NotHostedHere("somebody else has taken it")

    renew, registry.renew = registry.renew, refuse  # type: ignore[method-assign]
    lives.told.clear()
    await until(lambda: len(lives.told) >= 2, "the lease is lost and taken again")
    assert lives.told == [("lease", False, True), ("lease", True, False)]
    lives.told.clear()
    await machine.stop()
    assert ("driver", "Done", "") in lives.told and ("lease", False, True) in lives.told


@attrs.define(eq=False)
class Carried(Observer):
    last: dict[str, Traffic] = attrs.field(factory=dict)

    def lane_carried(self, peer: str, traffic: Traffic) -> None:
        self.last[peer] = traffic


async def test_lanes_tell_waves_and_bytes_for_each_machine(start_machine: StartMachine, machine_config: Config) -> None:
    one = await start_machine(config=attrs.evolve(machine_config, name="one"))
    other = await start_machine(config=attrs.evolve(machine_config, name="other"))
    here, there = Carried(), Carried()
    one.parts.interceptors.add(here)
    other.parts.interceptors.add(there)
    await asyncio.sleep(1.0)
    client = one.client()
    await client.exec("create localhost<Space>")
    for number in range(40):
        at = f"localhost:w{number}"
        await client.exec(f"create {at}<Worker>")
        if (await client.ping(at, "Ext<Get>")).remote:
            break
    before = one.parts.board.traffic["other"].now()
    for _ in range(10):
        assert (await client.ping(at, "Ext<Same>", "x" * 1000)).remote
    after = one.parts.board.traffic["other"].now()
    assert after.waves_out - before.waves_out >= 10 and after.waves_in - before.waves_in >= 10
    assert after.bytes_out - before.bytes_out > 10_000 and after.bytes_in - before.bytes_in > 10_000
    await until(lambda: here.last.get("other") == one.parts.board.traffic["other"].now(), "the observer knows it")
    seen = there.last["one"]
    assert seen.waves_in >= 10 and seen.bytes_in > 10_000, "and the other machine tells the same from its end"


class Old(Observer):
    def __init__(self) -> None:
        self.told: list[str] = []

    def wave_begun(self, wave: Any) -> dict[str, str]:
        return {"x-old": "1"}

    def wave_delivered(self, wave: Any, reply: Any, seconds: float) -> None:
        self.told.append(wave.headers["x-old"])


async def test_old_names_are_called_with_a_warning(
    start_machine: StartMachine, caplog: pytest.LogCaptureFixture
) -> None:
    class Plugin:
        @hookimpl
        def hyperverse_register_observers(self, register: Any) -> None:
            register(old)

    old = Old()
    with pytest.warns(DeprecationWarning) as warned:
        machine = await start_machine(plugins=[Plugin()])
    said = {str(warning.message) for warning in warned}
    why = "is still called in this release, but not in the next"
    assert f"Old.wave_begun {why}: write wave_begins (plugin Plugin)" in said
    assert f"Old.wave_delivered {why}: write handler_ends (plugin Plugin)" in said
    assert "write wave_begins" in caplog.text
    await machine.client().exec("create localhost<Space>")
    assert "1" in old.told
