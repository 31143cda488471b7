"""Plugins that do not let themselves be ended: they keep neither the machine nor its process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hyperverse_core import Client
from patience import LEASE, PATIENCE

pytestmark = pytest.mark.thorough

_PLUGIN = """
import asyncio, sys, threading, time
import attrs
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl


async def swallow():
    while True:
        try:
            await asyncio.sleep(0.2)
        except:
            pass


async def blocks():
    await asyncio.sleep(0.01)
    time.sleep(1.0)  # here it works


async def exits():
    await asyncio.sleep(0.05)
    sys.exit(3)


_kept = []


@attrs.define
class Vee(Particle):
    n: int = 0
    on: str = ""

    async def on_start(self, ctx):
        if ctx.point.text.endswith("heavy"):
            time.sleep(1.0)  # here it starts

    async def on_stop(self, ctx):
        if self.on == "on_stop":
            await swallow()

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx) -> int:
        self.n += 1
        return self.n

    @handler("Ext<Do>")
    async def do(self, ctx: Ctx, what: str) -> None:
        if what == "handler":
            await swallow()
        elif what == "gather":
            await asyncio.gather(swallow(), swallow())
        elif what == "spawned":
            ctx.spawn(swallow())
        elif what == "task":
            _kept.append(asyncio.create_task(swallow()))
        elif what == "exits":
            _kept.append(asyncio.create_task(exits()))
        elif what == "thread":
            await asyncio.to_thread(time.sleep, 600)
        elif what == "blocks":
            while True:
                time.sleep(0.01)
        elif what == "blocks a while":
            time.sleep(1.0)  # here it waits
        elif what == "works":
            ctx.spawn(blocks())
        elif what == "on_stop":
            self.on = what
        elif what == "driver":
            VeeDriver.stubborn = True


class VeeDriver(Driver):
    kind = KindDef("Vee")
    particle = Vee
    stubborn = False

    async def stop(self):
        if self.stubborn:
            await swallow()


@hookimpl
def hyperverse_register_drivers(register):
    register(VeeDriver)
"""
_AT_MOST = 1.0 + 5.0 + PATIENCE / 4
"""Seconds: the stop_deadline below, what comes behind it, and a busy computer."""


@pytest.fixture
def settings() -> dict[str, str]:
    return {"HYPERVERSE__LEASE": str(LEASE), "HYPERVERSE__STOP_DEADLINE": "1.0"}


@pytest.fixture
def pid(home: Path, run: Callable[..., Any]) -> Iterator[int]:
    (home / ".hyperverse").mkdir()
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text(_PLUGIN)
    done = run("up", "--detach", "--json")
    assert done.returncode == 0, done.stderr
    pid = json.loads(done.stdout)["pid"]
    run("exec", "create localhost<Space>; create localhost:a<Vee>; create localhost:quiet<Vee>")
    assert run("exec", "-q", "ping localhost:quiet Ext<Add>").stdout.split() == ["1"]
    yield pid
    if _runs(pid):
        os.kill(pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] != "Z"
    except OSError:
        return False


def _log(home: Path) -> str:
    return (home / ".hyperverse" / "machines" / "local" / "log" / "machine.log").read_text()


def _do(home: Path, what: str) -> None:
    async def ask() -> None:
        async with Client.connect(data_dir=home / ".hyperverse", timeout=PATIENCE) as client:
            await client.ping("localhost:a", "Ext<Do>", {"what": what}, wait=0.3)

    asyncio.run(ask())


@pytest.mark.parametrize(
    "what", ["handler", "gather", "spawned", "task", "thread", "blocks", "on_stop", "driver", "handler and gather"]
)
def test_nothing_keeps_a_process_that_was_told_to_stop(
    home: Path, run: Callable[..., Any], pid: int, what: str
) -> None:
    for one in what.split(" and "):
        _do(home, one)
    begun = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    while _runs(pid) and time.monotonic() < begun + _AT_MOST:
        time.sleep(0.05)
    assert not _runs(pid), _log(home)[-2000:]
    if what in ("handler", "spawned"):
        assert "localhost:a" in _log(home)
    if what in ("task", "gather", "blocks"):
        assert "the process ends now" in _log(home)
    if what == "blocks":
        return  # nothing could be saved
    assert run("up", "--detach").returncode == 0
    assert run("exec", "-q", "ping localhost:quiet Ext<Add>").stdout.split() == ["2"], _log(home)
    run("down")


def test_a_task_that_exits_ends_itself_only(home: Path, run: Callable[..., Any], pid: int) -> None:
    for _ in range(2):
        _do(home, "exits")
        time.sleep(0.3)
        assert run("exec", "-q", "ping localhost:quiet Ext<Add>").returncode == 0
    assert _runs(pid)
    assert "a task of a plugin tried to end the process" in _log(home)


def test_a_handler_that_blocks_the_loop_is_named_with_its_line(home: Path, run: Callable[..., Any], pid: int) -> None:
    _do(home, "blocks a while")
    run("exec", "-q", "create localhost:heavy<Vee>; ping localhost:heavy Ext<Add>")
    _do(home, "works")
    time.sleep(1.0)
    told = [text for text in _log(home).splitlines() if "the event loop is blocked" in text]
    for mark, what, function in (
        ("waits", "localhost:a Ext<Do> (do, plugin local)", "Vee.do"),
        ("starts", "on_start of localhost:heavy (plugin local)", "Vee.on_start"),
        ("works", "background task of localhost:a (blocks), started by Ext<Do>", "blocks"),
    ):
        line = next(n for n, text in enumerate(_PLUGIN.splitlines(), 1) if f"# here it {mark}" in text)
        place = f"hyperverse_local.py:{line} ({function})"
        assert any(what in text and place in text for text in told), (what, place, told)


def test_a_process_that_was_stopped_for_a_while_blames_nobody(home: Path, run: Callable[..., Any], pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1.0)
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.5)
    assert run("exec", "-q", "ping localhost:quiet Ext<Add>").returncode == 0
    assert "the event loop is blocked" not in _log(home)
