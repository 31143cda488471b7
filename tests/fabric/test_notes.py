"""What machines note down while somebody looks: single waves with their hops, and the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Register, handler, hookimpl
from patience import PATIENCE

START = Callable[..., Awaitable[Machine]]
MACHINE = "GLOBAL::machine"
ANN = "hyperspace:users:ann"


@attrs.define
class Till(Particle):
    """Fails, writes to its log, and asks others."""

    concurrent = True

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        return by

    @handler("Ext<Break>")
    async def fail(self, ctx: Ctx) -> None:
        ctx.log.error("the drawer of %s is stuck", "the till")
        raise ValueError("it is jammed")

    @handler("Ext<Pass>")
    async def hand_on(self, ctx: Ctx, to: str) -> int:
        return (await ctx.ping(to, "Ext<Add>")).status


class TillDriver(Driver):
    kind = KindDef("Till")
    particle = Till


class Tills:
    @hookimpl
    def hyperverse_register_drivers(self, register: Register) -> None:
        register(TillDriver)  # type: ignore[call-arg]


@pytest.fixture
async def machine(start_machine: START) -> AsyncIterator[Machine]:
    machine = await start_machine(plugins=[Tills()])
    await machine.client().exec(
        "create localhost<Space>; create localhost:a<Till>; create localhost:b<Till>;"
        f"create? hyperspace<Space>; create? hyperspace:users<UserBase<OAuth>>; create {ANN}<User>"
    )
    yield machine


async def waves(machine: Machine, **asked: Any) -> list[dict[str, Any]]:
    found = (await machine.client().ask(MACHINE, "Ext<Waves>", asked))["waves"]
    assert isinstance(found, list)
    return found


async def _until_noted(machine: Machine, kind: str) -> None:
    end = time.monotonic() + PATIENCE
    while kind not in {row["kind"] for row in await waves(machine, failed=True)}:
        assert time.monotonic() < end, f"no {kind} was noted down"
        await asyncio.sleep(0.01)


async def test_every_failure_is_noted_down_whoever_knows_of_it(machine: Machine) -> None:
    await waves(machine)
    client, ann = machine.client(), machine.client(ANN)
    sent = [
        await client.ping("localhost:a", "Ext<Break>"),  # fails in its handler
        await client.ping("localhost:nobody", "Ext<Add>"),  # has no recipient
        await client.ping("localhost:a", "Ext<Add>", {"by": "x"}),  # does not fit
        await client.ping("localhost:a", "Ext<Missing>"),  # has no handler
        await ann.ping("localhost:a", "Ext<Add>"),  # is refused
    ]
    await client.signal("localhost:a", "Ext<Break>")
    await client.ask("localhost:a", "Ext<Add>")
    await _until_noted(machine, "Signal")
    found = await waves(machine, failed=True)
    noted = {row["wave"]: row for row in found}
    for pong in sent:
        assert pong.id in noted, pong
        row = noted[pong.id]
        assert (row["status"], row["why"]) == (pong.status, pong.error)
    assert {row["kind"] for row in found} == {"Ping", "Signal"} and len(found) == len(sent) + 1
    assert noted[sent[4].id]["agent"] == ANN
    every = await waves(machine)
    assert len(every) == len(found) + 1 and not every[0]["failed"]


async def test_a_wave_is_found_by_its_id_with_its_hops_and_its_trace(machine: Machine) -> None:
    await waves(machine)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    pong = await machine.client().ping("localhost:a", "Ext<Pass>", {"to": "localhost:b"}, headers=headers)
    (row,) = await waves(machine, wave=pong.id)
    assert [hop["event"] for hop in row["events"]] == ["delivered", "answered"]
    assert {hop["machine"] for hop in row["events"]} == {machine.name}
    assert row["trace"] == trace and row["to"] == "localhost:a"
    both = await waves(machine, wave=trace)
    assert {row["to"] for row in both} == {"localhost:a", "localhost:b"}
    assert await waves(machine, wave="unheard-of-1") == []


async def test_the_waves_of_one_particle_and_where_it_has_lived(machine: Machine) -> None:
    await waves(machine)
    await machine.client().ask("localhost:a", "Ext<Pass>", {"to": "localhost:b"})
    found = await machine.client().ask(MACHINE, "Ext<Waves>", {"point": "localhost:b"})
    (row,) = found["waves"]
    assert (row["sender"], row["to"]) == ("localhost:a", "localhost:b")
    (life,) = found["lives"]
    assert (life["event"], life["point"], life["machine"]) == ("came", "localhost:b", machine.name)
    assert len(await waves(machine, point="localhost:a")) == 2
    await machine.client().exec("delete localhost:b")
    lives = (await machine.client().ask(MACHINE, "Ext<Waves>", {"point": "localhost:b"}))["lives"]
    assert [life["event"] for life in lives] == ["left", "came"], "the newest first"


async def test_the_sample_shrinks_with_the_load_and_failures_stay(machine: Machine) -> None:
    await waves(machine)
    client = machine.client()
    for _ in range(150):
        await client.ping("localhost:a", "Ext<Add>")
    for _ in range(20):
        await client.ping("localhost:a", "Ext<Break>")
    found = await client.ask(MACHINE, "Ext<Waves>", {"limit": 1000})
    good = [row for row in found["waves"] if not row["failed"]]
    assert found["one_in"] > 1 and 0 < len(good) < 150
    assert len(found["waves"]) - len(good) == 20
    assert all({hop["event"] for hop in row["events"]} == {"delivered", "answered"} for row in good[:5])


async def test_looking_leaves_no_trace_and_limits_are_kept(machine: Machine) -> None:
    for _ in range(5):
        await machine.client().ask(MACHINE, "Ext<Figures>")
        assert await waves(machine) == []
    assert (await machine.client().ping(MACHINE, "Ext<Waves>", {"limit": 1001})).status == 400
    assert (await machine.client().ping(MACHINE, "Ext<Log>", {"level": "loud"})).status == 400


async def test_the_log_of_a_particle_and_of_the_machine(machine: Machine) -> None:
    pong = await machine.client().ping("localhost:a", "Ext<Break>")
    logging.getLogger("hyperverse.test").error("told %s", "postgresql://ann:secret@db/one")
    found = (await machine.client().ask(MACHINE, "Ext<Log>", {"level": "error"}))["lines"]
    texts = [line["text"] for line in found]
    assert "told postgresql://ann:***@db/one" in texts
    own = (await machine.client().ask(MACHINE, "Ext<Log>", {"point": "localhost:a"}))["lines"]
    assert {"the drawer of the till is stuck"} <= {line["text"] for line in own}
    assert all(line["point"] == "localhost:a" or "localhost:a" in line["text"] for line in own)
    assert pong.id in {line["wave"] for line in own}


@pytest.mark.thorough
def test_a_program_without_a_log_still_sees_warnings() -> None:
    """Whoever sets up no logging gets warnings on stderr from Python; the notes must not swallow them."""
    import subprocess
    import sys
    import textwrap

    script = """
        import asyncio, logging, tempfile
        from pathlib import Path
        from hyperverse_core import Config, Machine

        async def main():
            with tempfile.TemporaryDirectory() as folder:
                async with Machine(Config(data_dir=Path(folder))):
                    logging.getLogger("hyperverse.shop").warning("the shop is empty")
                    logging.getLogger("hyperverse.shop").info("nothing to see")

        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the shop is empty") == 1 and "nothing to see" not in done.stderr
