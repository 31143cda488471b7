"""What a Mechtron costs, beside the public functions of wasmtime and particles in Python.

    python tests/bench/bench_mechtron.py [--json FILE] [--rounds 15] [--live 10000]

Both sides of a row take turns, and the least of all rounds counts: it is that of the quietest moment. Times are those
of the processor, of all threads of the process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import attrs
import wasmtime
from wasmtime import component

from bench.bench_local import line
from bench.report import Report, Row
from hyperverse_core import Config, Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.client.api import ClientApi
from hyperverse_mechtron.host.component_guest import ComponentGuest
from hyperverse_mechtron.host.core import CoreGuest
from hyperverse_mechtron.host.engine import engine
from hyperverse_mechtron.host.limits import GuestLimits
from mechtron.component_guests import BYTES
from mechtron.guests import CORE

Act = Callable[[], Awaitable[object]]
SMALL, LARGE = "x" * 64, "x" * 1024
DOCUMENT = "Mechtron(version=1.0.0) {{ Wasm {{ +bin=localhost:repo:{0}:1.0.0:/m.wasm; +name={0}; }} {1} }}"
COUNTER = """(module (memory (export "memory") 1) (global $n (mut i32) (i32.const 0))
  (func (export "hv_abi") (result i32) (i32.const 1))
  (func (export "hv_alloc") (param i32) (result i32) (i32.const 4096))
  (func (export "hv_handle") (param i32 i32 i32 i32) (result i64)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (i32.store (i32.const 256) (i32.or (global.get $n) (i32.const 0x40404040)))
    (i64.const 0)))"""
"""Counts in a global and in its memory."""
_ENDS = "(if (i32.gt_u (global.get $top) (i32.const 131072)) (then unreachable))"
LISTS = BYTES.replace(
    _ENDS, "(if (i32.gt_u (global.get $top) (i32.const 120000)) (then (global.set $top (i32.const 8192))))"
)
"""A component that echoes, and may be called for ever."""
assert LISTS != BYTES
NO_SERVICES: Any = SimpleNamespace(log=lambda text: None)
"""What a guest that imports nothing needs of a machine."""


@attrs.define
class Plain(Particle):
    value: int = 0

    @handler("Ext<Echo>")
    async def echo(self, ctx: Ctx, body: Any = None) -> Any:
        return ctx.wave.body

    @handler("Ext<Save>")
    async def save(self, ctx: Ctx) -> None:
        self.value += 1
        await ctx.save()


class PlainDriver(Driver):
    kind = KindDef("Plain", doc="what Mechtrons are compared with")
    particle = Plain


class Plains:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(PlainDriver)


async def side_by_side(rounds: int, count: int, *acts: Act) -> list[float]:
    """Microseconds of the processor for one of each, in the same order."""
    least = [float("inf")] * len(acts)
    for _ in range(rounds):
        for number, act in enumerate(acts):
            begun = time.process_time()
            for _ in range(count):
                await act()
            least[number] = min(least[number], (time.process_time() - begun) / count * 1e6)
    return least


def pings(client: ClientApi, point: str, method: str, body: object = None) -> Act:
    async def act() -> None:
        reply = await client.ping(point, f"Ext<{method}>", body, wait=60)
        assert reply.ok, reply.error

    return act


def packed(name: str, text: str, more: str) -> bytes:
    """A bundle with a module and its document."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as files:
        files.writestr("m.wasm", bytes(wasmtime.wat2wasm(text)))
        files.writestr("m.mechtron", DOCUMENT.format(name, more))
    return found.getvalue()


async def publish(client: ClientApi, name: str, text: str, more: str) -> str:
    return await publish_packed(client, name, packed(name, text, more))


async def publish_packed(client: ClientApi, name: str, bundle: bytes) -> str:
    at = f"localhost:repo:{name}"
    script = f"create {at}<BundleSeries>; publish ^[ b ]-> {at}:1.0.0"
    await client.exec(script, files={"b": bundle}, wait=60)
    await client.exec(f"create localhost:{name}<Mechtron>{{ +config={at}:1.0.0:/m.mechtron }}", wait=240)
    return f"localhost:{name}"


def row(name: str, value: float, reference: str, base: float, at_most: float) -> Row:
    return Row(name=name, value=value, reference=reference, reference_value=base, at_most=at_most)


class Bare:
    """The same module, called by the public functions of wasmtime."""

    def __init__(self, text: str) -> None:
        self.engine = engine().wasm
        self.module = wasmtime.Module(self.engine, wasmtime.wat2wasm(text))
        self.store, self.exports = self.start()

    def start(self) -> tuple[wasmtime.Store, Any]:
        store = wasmtime.Store(self.engine)
        store.set_epoch_deadline(1 << 40)
        return store, wasmtime.Instance(store, self.module, []).exports(store)

    def call(self) -> bytes:
        store, exports, sent = self.store, self.exports, b"Echo" + SMALL.encode()
        at = exports["hv_alloc"](store, len(sent))
        exports["memory"].write(store, sent, at)
        packed = exports["hv_handle"](store, at, 4, at + 4, len(sent) - 4)
        place = packed >> 32
        found: bytes = exports["memory"].read(store, place, place + (packed & 0xFFFFFFFF))
        return bytes(found)

    async def hop(self) -> None:
        assert await asyncio.to_thread(self.call) == SMALL.encode()


def add(report: Report, found: Row) -> None:
    report.add(found)
    print(line(found), flush=True)


async def waves(report: Report, rounds: int) -> None:
    """What reaches guests as waves."""
    with tempfile.TemporaryDirectory() as folder:
        async with Machine(Config(data_dir=Path(folder)), plugins=[Plains()]) as machine:
            client = machine.client()
            await client.exec("create localhost<Space>; create localhost:repo<Repo>; create localhost:p<Plain>")
            core = await publish(client, "core", CORE, "")
            frozen = await publish(client, "frozen", COUNTER, "Run { +state=memory; }")
            apart = await publish(client, "apart", CORE, "Run { +isolation=process; }")
            plain, bare = "localhost:p", Bare(CORE)
            acts = [pings(client, point, "Echo", SMALL) for point in (core, plain, apart)]
            ping, python, process, hop = await side_by_side(rounds, 100, *acts, bare.hop)
            hops = "wasmtime's write, call and read, in a thread"
            add(report, row("Ping of a core Mechtron, 64 bytes", ping, hops, hop, 0.5))
            add(report, row("the same", ping, "a Ping of a Python particle", python, 5.0))
            add(report, row("isolation=process, 64 bytes, without the worker", process, hops, hop, 2.0))
            kept, saved = await side_by_side(rounds, 20, pings(client, frozen, "Any"), pings(client, plain, "Save"))
            add(
                report,
                row("Ping that freezes and saves a counter", kept, "ctx.save() of a Python particle", saved, 2.0),
            )


async def lag(seconds: float) -> float:
    """The longest that the event loop was late, in milliseconds."""
    worst, end = 0.0, time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        await asyncio.sleep(0.002)
        worst = max(worst, time.perf_counter() - begun - 0.002)
    return worst * 1000


async def calls(report: Report, rounds: int) -> None:
    """Calls of components, and the start of instances."""
    limits = GuestLimits()
    for name, text, body, at_most in (
        ("1 KiB of text", LISTS.replace("(list u8)", "string"), LARGE, 0.6),
        ("1 KiB as list<u8>", LISTS, LARGE.encode(), 0.1),
    ):
        compiled = component.Component(engine().wasm, text)
        guest = ComponentGuest(compiled, limits, takes_bytes=isinstance(body, bytes))
        store = wasmtime.Store(engine().wasm)
        store.set_epoch_deadline(1 << 40)
        public = component.Linker(engine().wasm).instantiate(store, compiled).get_func(store, "handle")
        assert public is not None

        async def ours(guest: ComponentGuest = guest, body: Any = body) -> None:
            assert await guest.handle(NO_SERVICES, "Echo", body) == body

        async def theirs(public: Any = public, store: Any = store, body: Any = body) -> None:
            public(store, "Echo", body)
            public.post_return(store)

        mine, other = await side_by_side(rounds, 100, ours, theirs)
        add(report, row(f"call of a component, {name}", mine, "wasmtime's public call", other, at_most))
        guest.close()
    bare = Bare(CORE)

    async def ready() -> None:
        guest = CoreGuest(bare.module, limits, wasi=False)
        await guest.handle(None, "Echo", b"")  # type: ignore[arg-type]
        guest.close()

    async def theirs_ready() -> None:
        store, exports = bare.start()
        exports["hv_abi"](store)
        exports["hv_handle"](store, exports["hv_alloc"](store, 4), 4, 0, 0)
        store.close()

    mine, other = await side_by_side(rounds, 50, ready, theirs_ready)
    add(report, row("instance of a core module, with its first call", mine, "Store, Instance and the call", other, 1.5))


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def mapped() -> int:
    """How many maps the memory of this process has."""
    return len(Path("/proc/self/maps").read_text().splitlines())


async def live(report: Report, count: int) -> None:
    """So many instances at once, each of which has answered."""
    module = wasmtime.Module(engine().wasm, wasmtime.wat2wasm(CORE))
    gc.collect()
    before, guests = resident(), []
    for _ in range(count):
        guest = CoreGuest(module, GuestLimits(), wasi=False)
        assert await guest.handle(None, "Echo", b"here") == b"here"  # type: ignore[arg-type]
        guest.rest()  # as particles do a second after a call
        guests.append(guest)
    each = (resident() - before) / count / 1024
    maps = mapped() / count
    add(report, Row(name=f"one of {count:,} live instances, {maps:.1f} memory maps", value=each, unit="KiB"))
    for guest in guests:
        guest.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to FILE as well")
    parser.add_argument("--rounds", type=int, default=15, help="how often both sides take their turn")
    parser.add_argument("--live", type=int, default=10_000, help="number of instances that live at once")
    args = parser.parse_args()
    report = Report(args.json)
    asyncio.run(calls(report, args.rounds))
    asyncio.run(waves(report, args.rounds))
    asyncio.run(live(report, args.live))


if __name__ == "__main__":
    main()
