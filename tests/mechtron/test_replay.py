"""A guest gets nothing but its inbox and the host's answers: these, recorded, give the same replies elsewhere."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import wasmtime

from hyperverse_core import Machine
from mechtron.attackers import IMPORTS, core
from mechtron.replaying import ANSWERS, Recording
from mechtron.test_mechtrons import Make, ask, machine_plugins, make
from patience import START

__all__ = ["machine_plugins", "make"]

pytestmark = pytest.mark.thorough

TELLS = core(
    """(if (i32.eq (local.get $bn) (i32.const 3)) (then (return (i64.const 0x0000_0020_8000_000f)))) ;; an error
    (i64.store (i32.const 500) (call $time))
    (call $random (i32.const 508) (i32.const 8))
    (drop (call $get (i32.const 64) (i32.const 3))) (call $take (i32.const 516))
    (drop (call $set (i32.const 64) (i32.const 3) (i32.const 508) (i32.const 8)))
    (drop (call $agent)) (call $take (i32.const 530))
    (drop (call $header (i32.const 64) (i32.const 3))) (call $take (i32.const 570))
    (drop (call $ping (i32.const 32) (i32.const 15) (i32.const 64) (i32.const 10) (local.get $b) (local.get $bn)))
    (call $take (i32.const 600))
    (local.set $b (i32.const 500)) (local.set $bn (i32.const 200))""",
    imports=IMPORTS + '(import "hyperverse" "time" (func $time (result i64)))',
)


async def test_what_was_recorded_gives_the_same_replies_in_another_process(
    machine: Machine, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("hyperverse_mechtron.particle.WaveServices", Recording)
    monkeypatch.setattr(Recording, "calls", [])
    point = await make("m", TELLS)
    await machine.client().exec("create localhost:other<Other>")
    for number in range(20):
        reply = await ask(machine, point, "Tell", b"x" * (number % 5), headers={"Ext": str(number)})
        Recording.calls[-1].reply = reply.body if reply.ok else reply.error.encode()
    assert {name for call in Recording.calls for name, _ in call.answers} <= set(ANSWERS)
    assert len({call.reply for call in Recording.calls}) == 17  # 16 with time and randomness in them, and the error
    module, record = tmp_path / "m.wasm", tmp_path / "record"
    module.write_bytes(bytes(wasmtime.wat2wasm(TELLS)))
    record.write_bytes(msgspec.msgpack.encode(Recording.calls))
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "mechtron.replaying", str(module), str(record)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        timeout=START,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert msgspec.msgpack.decode(done.stdout) == [call.reply for call in Recording.calls]
