"""A guest whose memory grows while it runs reads and writes the new pages through functions of ours."""

from __future__ import annotations

import gc

import pytest

from hyperverse_core import Machine
from mechtron.guests import ABI
from mechtron.test_mechtrons import Make, ask, machine_plugins, make

__all__ = ["machine_plugins", "make"]

pytestmark = pytest.mark.thorough
GROWS = f"""(module
  (import "hyperverse" "ping" (func $ping (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "hyperverse" "take" (func $take (param i32)))
  (memory (export "memory") 1 64)
  (data (i32.const 0) "localhost:other")
  (data (i32.const 16) "Ext<Hello>")
{ABI}
  (func (export "hv_handle") (param i32 i32) (param $b i32) (param $n i32) (result i64) (local $new i32) (local $r i64)
    (local.set $new (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
    (memory.copy (local.get $new) (local.get $b) (local.get $n))
    (local.set $r (call $ping (i32.const 0) (i32.const 15) (i32.const 16) (i32.const 10)
      (local.get $new) (local.get $n)))
    (local.set $new (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
    (call $take (local.get $new))
    (call $text (local.get $new) (i32.wrap_i64 (local.get $r)))))"""
"""Sends its body from a page that it has just got, and answers from another one what it was answered."""


@pytest.mark.parametrize("isolation", ["fiber", "process"])
async def test_new_pages_are_read_and_written(machine: Machine, make: Make, isolation: str) -> None:
    point = await make("m", GROWS, f"Run {{ +isolation={isolation}; }}")
    await machine.client().exec("create localhost:other<Other>")
    for number in range(10):
        gc.collect()  # nothing that the guest still needs may be gone
        answer = (await ask(machine, point, "Any", f'{{"by":{number}}}')).unwrap()
        assert f'"by":{number}' in answer, answer
