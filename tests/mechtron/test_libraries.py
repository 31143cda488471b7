"""Libraries, unmodified, are called by steps in the body of one wave."""

from __future__ import annotations

import json
from typing import Any

import pytest
import wasmtime

from hyperverse_core import HyperverseError, Machine
from hyperverse_mechtron.checking import checked
from hyperverse_mechtron.inspection import GuestKind
from mechtron.test_mechtrons import Make, ask, machine_plugins, make

__all__ = ["machine_plugins", "make"]

LIBRARY = """(module
  (import "a" "a" (func $copy (param i32 i32 i32) (result i32)))
  (import "a" "b" (func $grow (param i32) (result i32)))
  (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
  (memory (export "m") 1 40)
  (global $top (mut i32) (i32.const 1024))
  (global (export "version") i32 (i32.const 7))
  (global $seed (export "seed") (mut i64) (i64.const -1))
  (data (i32.const 16) "h\\c3\\a4llo\\00")
  (func (export "_initialize") (i32.store (i32.const 64) (i32.const 4711)))
  (func (export "give") (param $n i32) (result i32) (local $at i32)
    (local.set $at (global.get $top))
    (global.set $top (i32.add (global.get $top) (local.get $n))) (local.get $at))
  (func (export "sum") (param $at i32) (param $n i32) (result i32) (local $s i32)
    (block $end (loop $l
      (br_if $end (i32.eqz (local.get $n)))
      (local.set $s (i32.add (local.get $s) (i32.load8_u (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br $l)))
    (local.get $s))
  (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
  (func (export "less") (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1)))
  (func (export "two") (result i32 i64) (i32.const 1) (i64.const 2))
  (func (export "copy") (param i32 i32 i32) (result i32) (call $copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "grow") (param i32) (result i32) (drop (call $grow (local.get 0))) (memory.size))
  (func (export "seeded") (result i64) (global.get $seed))
  (func (export "give_up") (call $abort (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)))
  (func (export "spin") (loop (br 0))))"""
DOCUMENT = 'Library { +malloc=give; +import="a.a=memcpy"; +import="a.b=grow"; } Limits { +seconds=0.5; }'


async def done(machine: Machine, point: str, *steps: Any) -> Any:
    return (await ask(machine, point, "Steps", list(steps))).unwrap()


async def test_its_functions_are_called_by_steps(machine: Machine, make: Make) -> None:
    point = await make("l", LIBRARY, DOCUMENT)
    put = {"put": b"\x01\x02\xff", "as": "in"}
    assert await done(machine, point, put, {"call": "sum", "args": ["$in", "$in.size"]}) == [1024, 258]
    assert await done(machine, point, put, {"call": "sum", "args": ["$in+1", 1]}, {"get": "$in", "size": 3}) == [
        1024,
        2,
        b"\x01\x02\xff",
    ]
    assert await done(machine, point, {"put": "0aff", "encoding": "hex"}, {"get": 1024, "size": 2, "type": "hex"}) == [
        1024,
        "0aff",
    ]
    assert await done(machine, point, {"call": "half", "args": [3]}, {"call": "two"}) == [1.5, [1, 2]]
    less = {"call": "less", "args": [0]}
    assert await done(machine, point, less, {**less, "unsigned": True}) == [-1, 4294967295]
    assert await done(machine, point, {"global": "version"}, {"global": "seed", "unsigned": True}) == [7, 2**64 - 1]
    assert await done(machine, point, {"global": "seed", "set": 5}, {"call": "seeded"}) == [None, 5]
    assert await done(machine, point, {"global": "seed"}) == [-1]  # another wave, another instance
    assert await done(machine, point, {"get": 16, "type": "text"}, {"get": 64, "type": "u32"}) == ["hällo", 4711]
    far = [{"write": "far", "at": 200_000}, {"get": 200_000, "size": 3}, {"call": "grow", "args": [400_000]}]
    assert await done(machine, point, *far) == [None, b"far", 7]
    copied = [{"write": "abc", "at": 500}, {"call": "copy", "args": [600, 500, 3]}, {"get": 600, "size": 3}]
    assert await done(machine, point, *copied) == [None, 600, b"abc"]
    assert (await ask(machine, point, "Any", json.dumps([{"call": "half", "args": [1]}]))).unwrap() == [0.5]


async def test_what_is_wrong_with_steps_is_told_with_the_number_of_the_step(machine: Machine, make: Make) -> None:
    point = await make("l", LIBRARY, DOCUMENT)
    for steps, status, told in (
        (None, 400, "the body is not a list of steps"),
        ("no JSON", 400, "neither a list of steps nor its JSON"),
        ([3], 400, "step 1 is not a map"),
        ([{"cal": "sum"}], 400, "did you mean 'call'?"),
        ([{"call": "smu"}], 400, "step 1 (call): the module exports no function 'smu'; did you mean 'sum'?"),
        ([{"call": "sum", "args": [1]}], 400, "sum takes 2 arguments, and 1 were given: func (i32, i32) -> (i32)"),
        ([{"call": "sum", "args": ["$x", 1]}], 400, "no earlier step has the name 'x'"),
        ([{"call": "sum", "args": [1.5, 1]}], 400, "1.5 is not a 32-bit whole number"),
        ([{"call": "sum", "arg": []}], 400, "there is no key 'arg'; did you mean 'args'?"),
        ([{"write": "x"}], 400, "the key 'at' is missing"),
        ([{"get": 70_000, "size": 4}], 400, "4 bytes at 70000 reach beyond the memory"),
        ([{"write": "x", "at": 100_000_000}], 400, "do not fit in the memory"),
        ([{"global": "nope"}], 400, "the module exports no global 'nope'"),
        ([{"global": "version", "set": 1}], 400, "is immutable"),
        ([{"call": "give_up"}], 500, "step 1 (call): the guest"),
        ([{"call": "sum", "args": [-1, 9]}], 500, "an address outside of its memory"),
        ([{"call": "spin"}], 408, "did not finish within 0.5 s"),
        ([{"get": 0, "size": 65536}] * 65, 413, "more than 4194304 bytes"),
    ):
        reply = await ask(machine, point, "Steps", steps)
        assert (reply.status, told in reply.error) == (status, True), (steps, reply.status, reply.error)
    with pytest.raises(HyperverseError, match=r"import a\.b: nothing|a\.b: emscripten shortened its name"):
        await make("n", LIBRARY, 'Library { +import="a.a=memcpy"; }')


def test_inspect_says_what_stands_in_and_what_cannot() -> None:
    binary = bytes(wasmtime.wat2wasm(LIBRARY))
    report = checked(binary, stand_ins={"a.a": "memcpy", "a.b": "grow"})
    assert (report.kind, report.faults) == (GuestKind.LIBRARY, ())
    assert [who.name for _, who in report.imports] == ["stand-in memcpy", "stand-in grow", "stand-in trap"]
    told = [fault.what for fault in checked(binary, stand_ins={"a.a": "grow", "a.b": "trap", "a.c": "trap"}).faults]
    assert any("'grow' cannot stand in for func (i32, i32, i32) -> (i32)" in line for line in told)
    assert any("a stand-in for 'a.c', which it does not import" in line for line in told)
    assert len(told) == 2
