"""A child that a plugin forks keeps nothing of the machine, and gets its own signals."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patience import LEASE, PATIENCE

pytestmark = pytest.mark.thorough

_PLUGIN = """
import asyncio, multiprocessing, os, socket, threading, time
import attrs
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl


@attrs.define
class Vee(Particle):
    @handler("Ext<Fork>")
    async def fork(self, ctx: Ctx, how: str) -> int:
        if how == "multiprocessing":
            child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
            child.start()
            return child.pid
        if how == "os":
            pid = os.fork()
            if not pid:
                time.sleep(60)
                os._exit(0)
            return pid
        if how == "thread":
            return await asyncio.to_thread(self._forked)
        child = await asyncio.create_subprocess_exec("sleep", "60")
        return child.pid

    def _forked(self) -> int:
        pid = os.fork()
        if not pid:
            time.sleep(60)
            os._exit(0)
        return pid

    @handler("Ext<Own>")
    async def own(self, ctx: Ctx) -> str:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        def answer(): theirs.send("own")
        child = context.Process(target=answer)
        child.start()
        said = await asyncio.to_thread(ours.recv)
        await asyncio.to_thread(child.join)
        return said


class VeeDriver(Driver):
    kind = KindDef("Vee")
    particle = Vee


@hookimpl
def hyperverse_register_drivers(register):
    register(VeeDriver)
"""


@pytest.fixture
def settings() -> dict[str, str]:
    return {"HYPERVERSE__LEASE": str(LEASE)}


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] != "Z"
    except OSError:
        return False


def _open_files(pid: int) -> list[str]:
    return [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]


def _ends(pid: int) -> bool:
    until = time.monotonic() + PATIENCE
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not _runs(pid)


@pytest.mark.parametrize("how", ["multiprocessing", "os", "thread", "subprocess"])
def test_a_machine_comes_back_beside_a_child_of_its_past(home: Path, run: Callable[..., Any], how: str) -> None:
    (home / ".hyperverse").mkdir()
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text(_PLUGIN)
    machine = json.loads(run("up", "--detach", "--json").stdout)["pid"]
    run("exec", "create localhost<Space>; create localhost:a<Vee>")
    children = []
    try:
        for _ in range(2):
            done = run("exec", "-q", f'ping localhost:a Ext<Fork> {{"how": "{how}"}}')
            children.append(int(done.stdout.split()[-1]))
        assert run("exec", "-q", "ping localhost:a Ext<Own>").stdout.split()[-1].strip('"') == "own"
        if Path("/proc/self/fd").is_dir():
            assert [path for path in _open_files(children[0]) if "registry.sqlite" in path] == []
            assert [path for path in _open_files(machine) if "registry.sqlite" in path] != []
        os.kill(children[0], signal.SIGTERM)  # for the child, not for the machine
        assert _ends(children[0])
        assert run("exec", "-q", "ping localhost:a Ext<Own>").returncode == 0
        os.kill(machine, signal.SIGKILL)
        assert _ends(machine)
        assert _runs(children[1])
        done = run("up", "--detach", "--json")
        assert done.returncode == 0, done.stderr
        machine = json.loads(done.stdout)["pid"]
        assert run("exec", "-q", "ping localhost:a Ext<Own>").returncode == 0
        run("down")
    finally:
        for pid in (machine, *children):
            if _runs(pid):
                os.kill(pid, signal.SIGKILL)
