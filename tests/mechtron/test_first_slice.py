"""A short call runs on the thread of the event loop, however long nobody has called before."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

import pytest

from hyperverse_core import Machine
from hyperverse_mechtron.host import guest
from hyperverse_mechtron.host.raw import why_no_fibers
from mechtron.guests import CORE
from mechtron.test_mechtrons import Make, ask, make

__all__ = ["make"]

pytestmark = pytest.mark.thorough
CALLS = 60


def test_this_wasmtime_has_all_private_names() -> None:
    assert why_no_fibers() == ""


@pytest.mark.parametrize(("version", "told"), [((3, 14, 0), "Python 3.14.0 mistakes the stack"), ((3, 14, 1), "")])
def test_guests_run_on_no_fibers_of_a_python_that_takes_their_stacks_for_an_overflow(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], told: str
) -> None:
    with monkeypatch.context() as another:
        another.setattr("sys.version_info", (*version, "final", 0))
        found = why_no_fibers()
    assert found.startswith(told) and bool(found) == bool(told)


async def test_a_short_call_after_a_pause_takes_no_thread(
    machine: Machine, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = await make("m", CORE)
    taken: list[Executor] = []
    real = guest.pool

    def counted() -> Executor:
        taken.append(real())
        return taken[-1]

    monkeypatch.setattr(guest, "pool", counted)
    for _ in range(CALLS):
        await asyncio.sleep(0.003)  # the clock of guests ticks meanwhile
        assert (await ask(machine, point, "Echo", "here")).unwrap() == "here"
    assert len(taken) < CALLS / 2  # on a busy computer some calls lose the processor in their first half millisecond
