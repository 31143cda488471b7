"""Whatever a published module does, it is answered with what happened, and its particle and its machine go on."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import attrs
import pytest

from hyperverse_core import Config, Machine, Outcome
from hyperverse_core.testing import MemoryRegistry
from hyperverse_core.testing.fixtures import StartMachine
from hyperverse_mechtron.host.running import busy, waiting
from mechtron.attackers import ALLOC_LIES, LIES, STACKED, STARTS, TABLES, lying
from mechtron.guests import MANY, SLEEPER, SPINNER
from mechtron.test_mechtrons import Make, ask, machine_plugins, make, maker
from patience import PATIENCE, until

__all__ = ["machine_plugins", "make"]

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("isolation", ["fiber", "process"])
async def test_each_attack_is_answered_with_what_happened(machine: Machine, make: Make, isolation: str) -> None:
    how = f"Run {{ +isolation={isolation}; }} Limits {{ +seconds=0.5; +memory=4; }}"
    for name, text, status, told in (
        ("starts", STARTS, 408, "did not finish within 0.5 s"),
        ("lies", ALLOC_LIES, 500, "hv_alloc gave 3 bytes at 4294967288"),
        ("tables", TABLES, 500, "it gave up"),
    ):
        point = await make(name, text, how)
        for _ in range(2):
            reply = await ask(machine, point, "Any")
            assert (reply.status, told in reply.error) == (status, True), (name, reply.error)
    point = await make("lies-more", lying(), how)
    for number, (name, (_, told)) in enumerate(LIES.items(), 1):
        reply = await ask(machine, point, "Lie", bytes((number,)))
        assert (reply.status, told in reply.error) == (500, True), (name, reply.error)
        assert (await ask(machine, point, "Lie", b"z")).unwrap() == b"z", name
    assert (await ask(machine, point, "Lie", b"d")).unwrap() == b"d"
    point = await make("stacked", STACKED, how)
    assert (await ask(machine, point, "Echo", "before")).unwrap() == "before"
    for _ in range(8):
        assert "it gave up" in (await ask(machine, point, "Trap", "x")).error
    assert (await ask(machine, point, "Echo", "behind")).unwrap() == "behind"


async def test_guests_that_spin_end_with_their_machine(
    machine: Machine, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They yield at the ticks of a clock, so it must go on until the last of them has left its thread."""
    monkeypatch.setattr(machine, "config", attrs.evolve(machine.config, stop_deadline=1.0))
    point = await make("spins-on", SPINNER, "Limits { +seconds=60; +concurrency=3; }")
    calls = [asyncio.ensure_future(ask(machine, point, "Run")) for _ in range(3)]
    await until(lambda: guests_in_threads(), "a guest to run in a thread")
    await machine.stop()
    for reply in await asyncio.gather(*calls):
        assert (reply.status, reply.outcome) == (503, Outcome.UNKNOWN), reply.error
    await until(lambda: not guests_in_threads(), "the guests to leave their threads")


async def test_guests_that_wait_end_with_their_machine(
    machine: Machine, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in no thread: nothing but their own time would end them."""
    monkeypatch.setattr(machine, "config", attrs.evolve(machine.config, stop_deadline=1.0))
    point = await make("sleeps-on", SLEEPER, "Limits { +seconds=60; +concurrency=3; }")
    many = await make("asks-on", MANY, "Limits { +seconds=60; }")
    await machine.client().exec("create localhost:other<Other>")
    calls = [asyncio.ensure_future(ask(machine, point, "Run")) for _ in range(3)]
    calls.append(asyncio.ensure_future(ask(machine, many, "Ask", "wait")))
    await until(lambda: len(waiting) == len(calls), "the guests to wait")
    await machine.stop()
    assert not waiting
    for reply in await asyncio.gather(*calls):
        assert (reply.status, reply.outcome) == (503, Outcome.UNKNOWN), reply.error


async def test_guests_end_with_their_machine_and_not_with_another_of_the_process(
    machine: Machine, make: Make, monkeypatch: pytest.MonkeyPatch, start_machine: StartMachine, tmp_path: Path
) -> None:
    registry = MemoryRegistry()
    await registry.open()
    other = await start_machine(config=Config(data_dir=tmp_path / "other"), registry=registry)
    make_there, calls = await maker(other), []
    for one, publish in ((machine, make), (other, make_there)):
        monkeypatch.setattr(one, "config", attrs.evolve(one.config, stop_deadline=1.0))
        for name, text, count in (("sleeps", SLEEPER, 1), ("spins", SPINNER, 3)):  # more than there are threads
            point = await publish(name, text, "Limits { +seconds=60; +concurrency=3; }")
            calls.append([asyncio.ensure_future(ask(one, point, "Run")) for _ in range(count)])
    here, there = calls[0] + calls[1], calls[2] + calls[3]
    await until(lambda: len(waiting) == 2 and len(busy) == 6, "the guests to run or wait")
    await machine.stop()
    for reply in await asyncio.gather(*here):
        assert (reply.status, reply.outcome) == (503, Outcome.UNKNOWN), reply.error
    assert (len(waiting), len(busy)) == (1, 3)
    assert not any(call.done() for call in there)
    assert (await ask(other, await make_there("m", MANY), "Echo", "x")).unwrap() == "x"
    await other.stop()
    for reply in await asyncio.gather(*there):
        assert (reply.status, reply.outcome) == (503, Outcome.UNKNOWN), reply.error
    assert not waiting and not busy
    await registry.close()


def guests_in_threads() -> int:
    """How many of the threads for guests are there: one is begun for each guest that runs on."""
    return sum(thread.name.startswith("hyperverse-wasm_") for thread in threading.enumerate())


async def test_a_thousand_guests_wait_and_the_process_has_no_more_threads(machine: Machine, make: Make) -> None:
    each, particles = 64, 16
    limits = f"Limits {{ +seconds=8; +concurrency={each}; }}"
    points = [await make(f"w-{number}", MANY, limits) for number in range(particles)]
    await machine.client().exec("create localhost:other<Other>")
    spinner = await make("s", SPINNER, "Limits { +seconds=0.2; +concurrency=64; }")
    for point in points:
        await ask(machine, point, "Echo", "warm")
    spins = (ask(machine, spinner, "Run") for _ in range(2 * (os.cpu_count() or 2)))
    await asyncio.gather(*spins)  # they begin the threads for long calls
    before = threads()
    waits = [asyncio.ensure_future(ask(machine, point, "Ask", "wait")) for point in points for _ in range(each)]
    await asyncio.sleep(2)
    assert threads() <= before + 2  # one or two that have nothing to do with guests may have begun meanwhile
    assert (await ask(machine, "localhost:other", "Hello", "hi")).ok
    assert {reply.status for reply in await asyncio.gather(*waits)} == {408}


async def test_guests_that_spin_and_sleep_do_not_hold_up_others(machine: Machine, make: Make) -> None:
    spinner = await make("s", SPINNER, "Limits { +seconds=1; +concurrency=3; }")
    sleeper = await make("z", SLEEPER, "Limits { +seconds=1; +concurrency=3; }")
    await machine.client().exec("create localhost:other<Other>")
    assert (await ask(machine, "localhost:other", "Hello", "hi")).ok
    answered = 0
    for _ in range(10):  # on a busy computer little happens while a guest has its second
        heavy = [asyncio.ensure_future(ask(machine, point, "Run")) for point in (spinner, sleeper) for _ in range(3)]
        while not any(each.done() for each in heavy):
            assert (await ask(machine, "localhost:other", "Hello", "hi")).ok
            answered += not any(each.done() for each in heavy)
        async with asyncio.timeout(PATIENCE):
            assert {reply.error for reply in await asyncio.gather(*heavy)} == {"the guest did not finish within 1 s"}
        if answered >= 10:
            return
    pytest.fail(f"{answered} answers while guests were busy")


def threads() -> int:
    """How many threads this process has, also those that Python knows nothing of."""
    return sum(1 for _ in Path("/proc/self/task").iterdir())
