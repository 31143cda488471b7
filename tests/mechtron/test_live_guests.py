"""What a live guest holds of the process that it runs in, and the stacks that many guests share a map for."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from hyperverse_mechtron.host.core import CoreGuest
from hyperverse_mechtron.host.engine import engine
from hyperverse_mechtron.host.limits import GuestLimits
from hyperverse_mechtron.host.stacks import STACKS
from mechtron.guests import CORE
from patience import PATIENCE

pytestmark = pytest.mark.thorough
LIVE = 1000
MAPS = 2.3
"""The memory of a guest is two maps: what it may use, and what lies behind."""
MAPS_OF_WASMTIME = 5.3
"""Where wasmtime makes the stacks: two more, and they part maps that would be one."""
KIB = 16
"""A page of its memory, 7 KiB of wasmtime's and 3 KiB of objects in Python."""
KIB_OF_STACK = 4
"""A guest on a stack that wasmtime has made keeps it."""

COUNTS = """
import asyncio, gc, resource, sys
from pathlib import Path
import wasmtime
from hyperverse_mechtron.host.core import CoreGuest
from hyperverse_mechtron.host.engine import engine
from hyperverse_mechtron.host.limits import GuestLimits

def held():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize(), len(Path("/proc/self/maps").read_text().splitlines())

async def count(text, live):
    module, limits = wasmtime.Module(engine().wasm, text), GuestLimits()
    guests, before = [], None
    for number in range(live + 50):
        if number == 50:
            gc.collect()
            before = held()
        guest = CoreGuest(module, limits, wasi=False)
        assert await guest.handle(None, "Echo", b"here") == b"here"
        guests.append(guest)
    for guest in guests:
        guest.rest()
    gc.collect()
    for was, now in zip(before, held()):
        print((now - was) / live)
    for guest in guests:
        guest.close()

asyncio.run(count(sys.argv[1], int(sys.argv[2])))
"""
TOUCHES = """
import ctypes
from hyperverse_mechtron.host.stacks import Stacks
stacks = Stacks()
first, size = stacks._used[stacks._number(1 << 16)]
ctypes.memset(first, 1, size)
print("the stack can be written", flush=True)
ctypes.memset(first - 1, 1, 1)
print("and what is before it", flush=True)
"""


def ran(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The end of a Python program."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=20 * PATIENCE
    )


def test_a_live_guest_takes_little() -> None:
    done = ran(COUNTS, CORE, str(LIVE))
    assert not done.returncode, done.stderr
    size, maps = (float(each) for each in done.stdout.split())
    assert size < (KIB if STACKS.possible() else KIB + KIB_OF_STACK) * 1024, size
    assert maps < (MAPS if STACKS.possible() else MAPS_OF_WASMTIME), maps


needs_guards = pytest.mark.skipif(not STACKS.possible(), reason="needs Linux 6.13, for guards within a map")


@needs_guards
def test_a_stack_that_overflows_meets_its_guard() -> None:
    done = ran(TOUCHES)
    assert done.stdout.splitlines() == ["the stack can be written"], done
    assert done.returncode < 0


async def guests(count: int) -> list[CoreGuest]:
    """So many guests, each of which has answered."""
    module, limits = wasmtime.Module(engine().wasm, CORE), GuestLimits()
    found = [CoreGuest(module, limits, wasi=False) for _ in range(count)]
    services: Any = None
    for guest in found:
        assert await guest.handle(services, "Echo", b"here") == b"here"
    return found


@needs_guards
async def test_the_stacks_of_guests_that_have_ended_are_taken_again() -> None:
    maps = []
    for _ in range(4):
        found = await guests(200)
        maps.append(len(STACKS.maps))
        for guest in found:
            guest.close()
    assert maps[0] > 0 and maps == maps[:1] * 4


@needs_guards
async def test_what_a_guest_leaves_on_its_stack_is_given_back() -> None:
    found = await guests(300)
    gc.collect()
    before = dirty()
    for guest in found:
        guest.close()
    assert dirty() < before - 300


@needs_guards
async def test_a_guest_that_rests_gives_its_stack_back_and_answers_later() -> None:
    found = await guests(300)
    services: Any = None
    for _ in range(3):
        before = dirty()
        for guest in found:
            guest.rest()
        assert dirty() < before - 300
        for guest in found:
            assert await guest.handle(services, "Echo", b"again") == b"again"
    for guest in found:
        guest.close()
        guest.rest()


@needs_guards
async def test_a_stack_that_was_taken_from_a_guest_is_left_alone() -> None:
    """Another guest may have it, and may be in a call."""
    (one,) = await guests(1)
    number = one._guest.stack
    assert number in STACKS._used
    one.close()
    (other,) = await guests(1)
    assert other._guest.stack != number
    emptied = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(STACKS, "_advise", lambda *stack: emptied.append(stack))
        STACKS.empty(number)
        assert not emptied
        STACKS.empty(other._guest.stack)
    assert len(emptied) == 1


def dirty() -> int:
    """KiB that the maps of stacks take: those with guards within."""
    size, found = 0, []
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "Rss":
            size = int(rest.split()[0])
        elif name == "VmFlags" and "gu" in rest.split():
            found.append(size)
    assert found, "there is no map with guards"
    return sum(found)


@needs_guards
async def test_a_guest_is_told_when_there_is_no_memory_for_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(size: int) -> list[int]:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(STACKS, "_more", none)
    monkeypatch.setattr(STACKS, "_free", {})
    with pytest.raises(Exception, match="no memory for the stack of a guest"):
        await guests(1)
