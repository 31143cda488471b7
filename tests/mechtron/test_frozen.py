"""The memory of guests that know nothing of state survives everything that happens to a particle."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path
from typing import Any

import attrs
import pytest
import wasmtime

from hyperverse_core import BlockingClient, HyperverseError, Machine
from hyperverse_core.config import Choice
from hyperverse_core.errors import BadRequest
from hyperverse_mechtron.binary import opened, read_module
from mechtron.component_guests import BYTES
from mechtron.guests import ABI, CAT
from mechtron.killable import Killable
from mechtron.test_libraries import LIBRARY
from mechtron.test_mechtrons import DOCUMENT, Make, ask, machine_plugins, make
from thoroughness import THOROUGH

__all__ = ["machine_plugins", "make"]

pytestmark = pytest.mark.thorough

COUNTER = f"""(module
  (import "hyperverse" "random" (func $random (param i32 i32)))
  (memory (export "memory") 1 20)
  (table 2 funcref)
  (elem (i32.const 0) $text)
  (global $n (mut i32) (i32.const 0))
  (global $half (mut f64) (f64.const 0.5))
  (global (mut i64) (i64.const 1))
  {ABI}
  (func (export "_initialize") ;; eight digits by chance
    (call $random (i32.const 100) (i32.const 8))
    (i64.store (i32.const 100) (i64.or (i64.and (i64.load (i32.const 100)) (i64.const 0x0707070707070707))
      (i64.const 0x3030303030303030))))
  (func (export "hv_handle") (param $m i32) (param $mn i32) (param $b i32) (param $bn i32) (result i64)
    (local $at i32) (local $rest i32)
    (if (call $is (local.get $m) (i32.const 83)) (then (return (call $text (i32.const 100) (i32.const 8))))) ;; Seed
    (if (i32.eqz (global.get $n)) (then (drop (memory.grow (i32.const 1)))))
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (global.set $half (f64.add (global.get $half) (f64.const 1)))
    (i32.store (i32.const 100000) (i32.add (i32.load (i32.const 100000)) (i32.const 1)))
    (if (i32.ne (i32.load (i32.const 100000)) (global.get $n)) (then unreachable))
    (if (i32.ne (i32.trunc_f64_u (global.get $half)) (global.get $n)) (then unreachable))
    (if (call $is (local.get $m) (i32.const 70)) (then ;; Fail
      (return (i64.or (call $text (i32.const 100) (i32.const 8)) (i64.const 0x80000000)))))
    (if (call $is (local.get $m) (i32.const 84)) (then unreachable)) ;; Trap
    (local.set $at (i32.const 320))
    (local.set $rest (global.get $n))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $rest) (i32.const 10))))
      (br_if $digit (local.tee $rest (i32.div_u (local.get $rest) (i32.const 10)))))
    (call $text (local.get $at) (i32.sub (i32.const 320) (local.get $at)))))"""
"""Counts in a global and in memory that it has grown; it traps when they are not the same."""
MEMORY = "Run { +state=memory; }"


async def test_a_counter_keeps_its_memory_and_a_call_that_fails_changes_nothing(machine: Machine, make: Make) -> None:
    point = await make("m", COUNTER, MEMORY)
    seed = (await ask(machine, point, "Seed")).unwrap()
    for expected in ("1", "2", "3"):
        assert (await ask(machine, point, "Count")).unwrap() == expected
        for fault in ("Fail", "Trap"):
            assert not (await ask(machine, point, fault)).ok
    saved = (await machine.client().ping(point, "Cmd<Read>")).unwrap()["hyperverse"]["frozen"]
    assert (saved["size"], saved["globals"]["0"], saved["globals"]["1"]) == (131072, 3, 3.5)
    assert len(saved["pieces"]) < 500
    assert (await ask(machine, point, "Seed")).unwrap() == seed
    library = await make("l", LIBRARY, 'Library { +malloc=give; +import="a.a=memcpy"; +import="a.b=grow"; } ' + MEMORY)
    for expected_at in (1024, 1027):
        assert (await ask(machine, library, "Any", [{"put": "abc"}])).unwrap() == [expected_at]
    assert (await ask(machine, library, "Any", [{"get": 1024, "size": 6}])).unwrap() == [b"abcabc"]


async def test_it_moves_between_machines_and_is_passivated(
    start_machine: Any, machine_config: Any, tmp_path: Path
) -> None:
    machines = []
    for name in ("one", "other"):
        store = Choice("files", {"folder": str(tmp_path / name)})
        machines.append(await start_machine(config=attrs.evolve(machine_config, name=name, blobs=store)))
    one, other = machines
    client = one.client()
    await client.exec("create localhost<Space>; create localhost:repo<Repo>")
    bundle = zipped(COUNTER)
    await client.exec(
        "create localhost:repo:m<BundleSeries>; publish ^[ b ]-> localhost:repo:m:1.0.0", files={"b": bundle}
    )
    await client.exec("create localhost:m<Mechtron>{ +config=localhost:repo:m:1.0.0:/m.mechtron }", wait=240)
    homes = [str(key) for each in machines for key, star in each.parts.stars.items() if star.kind.name == "Maelstrom"]
    assert len(homes) == 2
    count = 0
    for home in homes * 2:
        await client.move("localhost:m", home)
        for _ in range(3):
            count += 1
            reply = await ask(one, "localhost:m", "Count")
            assert (reply.unwrap(), reply.star) == (str(count), home)
    there = machines[len(homes) - 1]
    live = there.parts.places.known["localhost:m"]
    assert await there.parts.homes[live.star.key].passivate([live], 1.0) == 1
    assert (await ask(other, "localhost:m", "Count")).unwrap() == str(count + 1)


def zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        files.writestr("m.wasm", bytes(wasmtime.wat2wasm(text)))
        files.writestr("m.mechtron", DOCUMENT.format(name="m", more=MEMORY))
    return packed.getvalue()


@pytest.mark.timeout(400)
def test_nothing_is_lost_or_doubled_when_its_machine_is_killed(tmp_path: Path) -> None:
    rounds, each = (3, 50) if THOROUGH else (2, 10)  # most of the time is that of the starts: some seconds each
    machine = Killable(tmp_path)
    machine.up()
    try:
        with BlockingClient(machine.data) as client:
            client.exec("create localhost<Space>; create localhost:repo<Repo>; create localhost:repo:m<BundleSeries>")
            client.exec("publish ^[ b ]-> localhost:repo:m:1.0.0", files={"b": zipped(COUNTER)})
            client.exec("create localhost:m<Mechtron>{ +config=localhost:repo:m:1.0.0:/m.mechtron }", wait=240)
        count = 0
        for number in range(rounds):
            with BlockingClient(machine.data) as client:
                for _ in range(each):
                    count += 1
                    assert client.ask("localhost:m", "Ext<Count>", wait=60) == str(count)
            machine.kill()
            if number < rounds - 1:
                machine.up()
    finally:
        machine.kill()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(module (table 1 funcref) (func $f (table.set 0 (i32.const 0) (ref.null func))) {})", "table.set"),
        ("(module (table 1 9 funcref) (func (drop (table.grow 0 (ref.null func) (i32.const 1)))) {})", "table.grow"),
        (
            "(module (table 1 funcref) (func (table.fill 0 (i32.const 0) (ref.null func) (i32.const 1))) {})",
            "table.fill",
        ),
        ("(module (global (mut funcref) (ref.null func)) {})", "its global 0 can change, and is a reference"),
        ("(module (global (mut externref) (ref.null extern)) {})", "its global 0 can change, and is a reference"),
        ("(module (global (mut v128) (v128.const i64x2 0 0)) {})", "a reference or a vector"),
    ],
)
def test_what_cannot_be_kept_is_refused(text: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        opened(bytes(wasmtime.wat2wasm(text.format('(memory (export "memory") 1)'))))


async def test_it_is_refused_at_create(machine: Machine, make: Make) -> None:
    changing = LIBRARY.replace(
        "(memory ", "(table 1 funcref) (func (table.set 0 (i32.const 0) (ref.null func))) (memory "
    )
    for text, more, told in (
        (
            changing,
            'Library { +malloc=give; +import="a.a=memcpy"; +import="a.b=grow"; }',
            "m.wasm cannot be kept: it changes a table: table.set",
        ),
        (CAT, "", "a command runs in a new instance for each wave"),
        (BYTES, "", "wasmtime gives no access to the memory of a component"),
        (COUNTER, "Limits { +concurrency=2; }", "handles one wave at a time"),
    ):
        name = f"m{random.Random(told).randrange(1 << 30)}"
        with pytest.raises(HyperverseError, match=told):
            await make(name, text, f"{MEMORY} {more}")


def test_a_module_that_is_opened_is_valid_and_has_all_that_it_had() -> None:
    for text in (COUNTER, LIBRARY, "(module (global (mut i32) (i32.const 1)) (func $s) (start $s))"):
        binary = bytes(wasmtime.wat2wasm(text))
        before, after = read_module(binary), read_module(opened(binary))
        wasmtime.Module.validate(wasmtime.Engine(), opened(binary))
        assert after.exports[: len(before.exports)] == before.exports
        assert after.imports == before.imports
        assert all(each.name.startswith("hv:") for each in after.exports[len(before.exports) :])
    with_all = """(module (memory 1) (table 1 funcref) (func (param i32) (result i32)
      (v128.store (i32.const 0) (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
        (v128.load8_lane 3 (i32.const 0) (v128.const i64x2 1 2)) (i8x16.splat (i32.const 1))))
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 1)) (memory.copy (i32.const 0) (i32.const 0) (i32.const 1))
      (drop (f64.add (f64.const 1) (f64.promote_f32 (f32.const 2)))) (drop (i64.trunc_sat_f64_s (f64.const 1)))
      (block $a (block $b (br_table $a $b $a (local.get 0)))) (drop (select (result i32) (i32.const 1) (i32.const 2)
      (i32.const 3))) (drop (table.get 0 (i32.const 0))) (drop (table.size 0)) (drop (ref.is_null (ref.null func)))
      (if (result i32) (local.get 0) (then (i32.atomic.load (i32.const 0))) (else (call_indirect (result i32)
      (i32.const 0))))))"""
    opened(bytes(wasmtime.wat2wasm(with_all)))
