"""When a machine waits for the answer of a worker process in its own thread."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from itertools import count
from pathlib import Path

import attrs
import pytest

from hyperverse_core import Config, Machine
from hyperverse_mechtron import short_waits
from hyperverse_mechtron.short_waits import Callers, Lookout, ShortWaits
from mechtron.guests import MANY
from mechtron.test_isolation import APART, workers
from mechtron.test_mechtrons import Make, ask, machine_plugins, make

__all__ = ["machine_plugins", "make"]

QUICK, SLOW = 20_000, 2_000_000


@pytest.fixture
def machine_config(tmp_path: Path) -> Config:
    return attrs.evolve(Config(data_dir=tmp_path / "data"))


async def asked(*waits: ShortWaits) -> list[bool]:
    return [each.worth_it() for each in waits]


async def test_only_quick_guests_are_waited_for() -> None:
    waits = ShortWaits(Callers())
    found = await asked(waits, waits)
    waits.answered(QUICK)
    found += await asked(waits)
    waits.answered(SLOW)
    assert (found, await asked(waits)) == ([False, False, True], [False])


async def test_tasks_that_call_in_turn_do_not_wait() -> None:
    callers = Callers()
    one, other = ShortWaits(callers), ShortWaits(callers)
    for each in (one, other):
        each.answered(QUICK)
    found = [await asyncio.create_task(asked(each)) for each in (one, other, one, other)]
    assert found == [[False]] * 4
    assert await asyncio.create_task(asked(one, other, one)) == [False, True, True]


async def test_waits_without_an_answer_become_rare() -> None:
    waits = ShortWaits(Callers())
    waits.answered(QUICK)
    await asked(waits)
    gaps, gap = [], 0
    while len(gaps) < 4:
        if waits.worth_it():
            waits.waited(answered=False)
            gaps.append(gap)
            gap = 0
        gap += 1
    assert gaps[0] == 0 and gaps[1:] == sorted(set(gaps[1:]))
    while not waits.worth_it():
        pass
    waits.waited(answered=True)
    assert waits.worth_it()


class Polls:
    """Stands for ``poll``: finds something at the numbered polls, and records the time that each may take."""

    def __init__(self, *finds: int) -> None:
        self.finds = finds
        self.asked: list[int] = []

    def __call__(self, milliseconds: int) -> list[int]:
        self.asked.append(milliseconds)
        return [1] if len(self.asked) in self.finds else []


@pytest.fixture
def lookout(monkeypatch: pytest.MonkeyPatch) -> Lookout:
    """Those of a socket, by a clock on which three looks fit into a moment."""
    times = count(0, 20_000)
    monkeypatch.setattr(short_waits, "monotonic_ns", lambda: next(times))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        return Lookout(ours, 2)


def test_whoever_waits_looks_before_it_sleeps(lookout: Lookout, monkeypatch: pytest.MonkeyPatch) -> None:
    polls = Polls(2, 5)
    lookout._poll = polls  # type: ignore[assignment]
    assert (lookout.soon(), polls.asked) == (True, [0, 0])
    assert (lookout.soon(), polls.asked[2:]) == (True, [0, 0, 1]), "it sleeps when it has looked for long enough"
    assert not lookout.soon()


def test_looks_that_find_nothing_become_rare(lookout: Lookout) -> None:
    lookout._poll = polls = Polls()  # type: ignore[assignment]
    looked = []
    for _ in range(200):
        polls.asked.clear()
        assert not lookout.soon()
        assert polls.asked[-1] == 1
        looked.append(0 in polls.asked)
    first = looked.index(False)
    assert looked[:first] == [True] * 4, "a few may find nothing"
    gaps = [len(each) for each in "".join("x" if each else "." for each in looked[first:]).split("x")]
    assert gaps[0] > 10 and gaps[1] == 2 * gaps[0]
    lookout._poll = Polls(*range(1, 1000))  # type: ignore[assignment]
    while not lookout._retries.worth_it():
        pass
    assert lookout.soon()
    lookout._poll = polls = Polls()  # type: ignore[assignment]
    assert not lookout.soon() and 0 in polls.asked, "one that finds something makes them frequent again"


def test_nobody_looks_on_a_single_core() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        alone = Lookout(ours, 1)
        alone._poll = polls = Polls()  # type: ignore[assignment]
        assert (alone.soon(), polls.asked) == (False, [1])


def test_what_arrives_on_a_socket_is_found() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for cores in (1, 2):
            found = Lookout(ours, cores)
            assert not found.soon()
            theirs.send(b"x")
            assert found.soon()
            assert ours.recv(9) == b"x"
    assert short_waits.usable_cores() >= 1


@pytest.mark.thorough
async def test_what_a_quick_guest_does_next_is_answered_as_before(machine: Machine, make: Make) -> None:
    """Also what takes longer than a wait, asks another, traps, or dies."""
    client = machine.client()
    await client.exec("create localhost:other<Other>")
    point = await make("m", MANY, f"{APART} Limits {{ +seconds=2; }}")

    async def quick() -> None:
        for number in range(50):
            assert (await ask(machine, point, "Echo", f"{number}")).unwrap() == f"{number}"

    await quick()
    assert (await ask(machine, point, "Ask", "a")).status == 200
    await quick()
    assert (await ask(machine, point, "Trap")).status == 500
    await quick()
    assert (await ask(machine, point, "Spin")).status == 408
    await quick()
    for each in workers():
        os.kill(each, signal.SIGKILL)
    reply = await client.ping(point, "Ext<Echo>", "x")
    assert reply.status in (200, 503)  # the machine may have seen already that it has died
    await quick()
