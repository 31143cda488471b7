"""Where the suite runs: machines in this process with virtual time, or processes of their own with real sockets."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from cluster import cluster_kinds
from hyperverse_core import Client
from hyperverse_core.client.api import ClientApi
from hyperverse_core.config import Config, Control, StarTemplate
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.lanes.local.transport import LocalHub, LocalTransport
from hyperverse_core.testing.faulty_lane import FaultyHub
from hyperverse_core.testing.memory_registry import MemoryRegistry
from patience import LEASE, PATIENCE, START

__all__ = ["InProcess", "Process", "Processes", "World"]


class World(Protocol):
    """Machines of one Hyperverse.

    Attributes:
        machines: their names.
        space: a point that is this test's own.
    """

    space: str

    @property
    def machines(self) -> list[str]: ...

    async def client(self, machine: str = "") -> ClientApi:
        """A client of a machine, of the first when none is named. It is closed with the world."""


class InProcess:
    """Machines in this event loop.

    Attributes:
        hub: the network between them; a FaultyHub for tests of what breaks.
        lanes: settings of each machine's transport.
    """

    def __init__(self, stack: AsyncExitStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        self.registry = MemoryRegistry()
        self.hub: LocalHub = LocalHub()
        self.lanes: dict[str, Any] = {}
        self.running: dict[str, Machine] = {}
        self.space = "localhost"
        self.plugins: tuple[object, ...] = ()

    @property
    def machines(self) -> list[str]:
        return list(self.running)

    async def start(self, name: str, stars: Sequence[StarTemplate] | None = None, **settings: Any) -> Machine:
        """Starts one more machine; with the stars that each has for itself when none are given."""
        if stars is not None:
            settings["stars"] = tuple(stars)
        machine = Machine(
            Config(name=name, data_dir=self._directory, seed=len(name), control=Control(enabled=False), **settings),
            plugins=(cluster_kinds, *self.plugins),
            registry=self.registry,
            transport=self._transport(name),
        )
        self.running[name] = await self._stack.enter_async_context(machine)
        return machine

    def _transport(self, name: str) -> LocalTransport:
        if isinstance(self.hub, FaultyHub):
            return self.hub.transport(name, self.lanes)
        return LocalTransport(self.lanes, hub=self.hub, machine=name)

    async def client(self, machine: str = "") -> ClientApi:
        return self.running[machine or self.machines[0]].client()


@asynccontextmanager
async def in_process(directory: Path) -> AsyncIterator[InProcess]:
    """No machine yet."""
    async with AsyncExitStack() as stack:
        world = InProcess(stack, directory)
        await world.registry.open()
        stack.push_async_callback(world.registry.close)
        yield world


class Process:
    """One machine, started by the ``hyperverse`` command."""

    def __init__(self, name: str, data_dir: Path, config: Path | None = None) -> None:
        self.name = name
        self.log = data_dir / f"{name}.log"
        words = [sys.executable, "-m", "hyperverse_core.cli", "up", "--json", "--name", name]
        words += ["--data-dir", str(data_dir), *(("--config", str(config)) if config else ())]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def wait_ready(self) -> dict[str, Any]:
        """Returns its status when it is ready."""
        assert self._process.stdout is not None
        until, line = time.monotonic() + START, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))
            news = os.read(self._process.stdout.fileno(), 1 << 20) if ready else b""
            assert news, f"machine {self.name} has not become ready: {self.log.read_text()[-2000:]}"
            line += news
        found: dict[str, Any] = json.loads(line)
        return found

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if the process is still there."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and waits for the end."""
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            return self._end(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._end()

    def _end(self, timeout: float | None = None) -> int:
        code = self._process.wait(timeout)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code


class Processes:
    """Machines as processes, of one data directory.

    Args:
        directory: empty; for config, data and logs.
        stars: those that the config names; each machine has its own when there are none.
        lease: seconds of a star's lease. It is how long the particles of a dead machine are out of reach.
        lanes: name of the transport, of lanes and of clients; the default one when empty.
        engines: further tables of the config, by name, such as ``registry``: of another registry or another transport.
    """

    def __init__(
        self,
        directory: Path,
        *,
        stars: Sequence[StarTemplate] | None = None,
        lease: float = LEASE,
        lanes: str = "",
        engines: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.data_dir = directory / "data"
        self.data_dir.mkdir(parents=True)
        shutil.copy(cluster_kinds.__file__, directory / "hyperverse_local.py")
        self.config = directory / "hyperverse.toml"
        self._lease = lease
        self._tables = dict(engines or {})
        if lanes:
            self._tables["lanes"] = {"driver": lanes}
        self.configure(stars)
        self.running: dict[str, Process] = {}

    def configure(self, stars: Sequence[StarTemplate] | None) -> None:
        """Writes the config that all machines share."""
        engines = [f"[{name}]\n" + _settings(table) for name, table in self._tables.items()]
        lines = [f"lease = {self._lease}", "[plugins]", "local = true", *engines, *map(_star_table, stars or ())]
        self.config.write_text("\n".join(lines) + "\n")

    @property
    def machines(self) -> list[str]:
        return list(self.running)

    def start(self, *names: str) -> None:
        """Starts machines, all at once, and returns when they are ready."""
        started = [Process(name, self.data_dir, self.config) for name in names]
        self.running |= {process.name: process for process in started}
        for process in started:
            process.wait_ready()

    def client(self, machine: str | None = None) -> Any:
        """A connection, to be entered or awaited."""
        return Client.connect(self.data_dir, machine=machine, timeout=PATIENCE)

    def end(self) -> None:
        """Stops all."""
        for process in self.running.values():
            process.signal(signal.SIGCONT)
            process.signal(signal.SIGTERM)
        for process in self.running.values():
            process.stop()
        self.running.clear()


def _settings(table: Mapping[str, str]) -> str:
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())


def _star_table(star: StarTemplate) -> str:
    lines = ["[[stars]]", f'name = "{star.name}"', f'kind = "{star.kind}"', f"links = {json.dumps(list(star.links))}"]
    if star.machine:
        lines.append(f'machine = "{star.machine}"')
    return "\n".join(lines)
