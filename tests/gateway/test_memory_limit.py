"""A machine that may use little memory survives a client that has very much of it wait."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperverse_core import Client, HyperverseError
from patience import START
from thoroughness import THOROUGH

pytestmark = pytest.mark.thorough

resource = pytest.importorskip("resource")

MIB = 1024 * 1024
MORE = 128 * MIB
"""What the machine may use besides what it has at its start."""
PLUGIN = """
import asyncio
from typing import Any

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl


@attrs.define
class Slow(Particle):
    concurrent = True

    @handler("Ext<Hold>")
    async def hold(self, ctx: Ctx, body: Any = None) -> None:
        await asyncio.sleep(600)

    @handler("Ext<Well>")
    async def well(self, ctx: Ctx) -> bool:
        return True


class SlowDriver(Driver):
    kind = KindDef("Slow", doc="Holds what it is sent")
    particle = Slow


@hookimpl
def hyperverse_register_drivers(register):
    register(SlowDriver)
"""
CONFIG = f"""
lease = 20
[plugins]
local = true
[limits]
bytes = {MORE // 4}
agent_bytes = {MORE // 5}
mailbox_bytes = {MORE // 8}
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "hyperverse_local.py").write_text(PLUGIN)
    (tmp_path / "hyperverse.toml").write_text(f'data_dir = "{tmp_path / "data"}"\n{CONFIG}')
    with (tmp_path / "out").open("wb") as out:
        command = [sys.executable, "-m", "hyperverse_core.cli", "up", "--config", str(tmp_path / "hyperverse.toml")]
        with subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=subprocess.STDOUT) as up:
            yield up
            up.terminate()


def size_of(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {key}")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="limits of another process can be set on Linux only")
async def test_a_machine_under_a_memory_limit_refuses_and_lives(
    process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    many = 500 if THOROUGH else 12
    client = await connected(tmp_path / "data", process)
    async with client, await connected(tmp_path / "data", process) as honest:
        await client.exec("create localhost<Space>; create localhost:slow<Slow>; create localhost:well<Slow>")
        at_first = size_of(process.pid, "VmRSS")
        resource.prlimit(process.pid, resource.RLIMIT_AS, (size_of(process.pid, "VmSize") + MORE,) * 2)
        signals = [client.signal("localhost:slow", "Ext<Hold>", {"body": os.urandom(2 * MIB)}) for _ in range(many)]
        pings = [
            client.ping("localhost:slow", "Ext<Hold>", {"body": os.urandom(2 * MIB)}, wait=5.0) for _ in range(many)
        ]
        told = {reply.status for reply in await asyncio.gather(*signals, *pings)}
        assert told <= {202, 408, 429, 503} and told & {429, 503}, told
        assert (await honest.ping("localhost:well", "Ext<Well>")).body is True
        assert size_of(process.pid, "VmRSS") - at_first < MORE
    assert process.poll() is None


async def connected(data_dir: Path, process: subprocess.Popen[bytes]) -> Client:
    """A client, as soon as the machine is there."""
    async with asyncio.timeout(START):
        while True:
            assert process.poll() is None
            try:
                return await Client.connect(data_dir)
            except HyperverseError:
                await asyncio.sleep(0.1)
