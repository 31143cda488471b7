"""A program may end, or drop a task, while a guest is in the middle of a call: nothing of its memory is used later."""

from __future__ import annotations

import subprocess
import sys

import pytest

from patience import START

PROGRAM = """
import asyncio, gc, sys, wasmtime
from hyperverse_mechtron.host.core import CoreGuest
from hyperverse_mechtron.host.engine import engine
from hyperverse_mechtron.host.limits import GuestLimits

SPINS = '''(module (memory (export "memory") 1)
 (func (export "hv_abi") (result i32) (i32.const 1))
 (func (export "hv_alloc") (param i32) (result i32) (i32.const 1024))
 (func (export "hv_handle") (param i32 i32 i32 i32) (result i64) (loop (br 0)) unreachable))'''

async def call():
    module = wasmtime.Module(engine().wasm, SPINS)
    guests = [CoreGuest(module, GuestLimits(), wasi=False) for _ in range(5)]
    calls = [asyncio.ensure_future(guest.handle(None, "a", b"x")) for guest in guests]
    await asyncio.sleep(0.1)
    assert not any(each.done() for each in calls)
    return guests, calls

loop = asyncio.new_event_loop()
held = loop.run_until_complete(call())
if "drop" in sys.argv:
    loop.close()
    del held, loop
    gc.collect()
print("reached the end", flush=True)
"""


@pytest.mark.parametrize("words", [(), ("drop",)], ids=["the program ends", "the garbage collector takes them"])
def test_calls_that_nobody_ends_crash_nothing(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START)
    assert (done.returncode, done.stdout) == (0, "reached the end\n"), done.stderr
