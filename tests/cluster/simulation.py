"""A constellation in one event loop with virtual time, whose machines can be killed, stopped and cut off."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from cluster.ledger import Ledger, LedgerKinds
from cluster.simulated_processes import Process, ProcessLoop
from cluster.simulated_services import Network, RemoteRegistry, new_registry_class
from hyperverse_core.config import Config, Control, KindSettings, Plugins, StarTemplate
from hyperverse_core.fabric.delivery.local_sender import LocalSender
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.universe.address.point import HYPERUSER, Point

__all__ = ["Node", "Simulation"]

_STOPPED_NOTICE = 0.8
_REGISTRY = new_registry_class()
_LOG = logging.getLogger("hyperverse")


@attrs.define(eq=False)
class Node:
    """A machine of the simulation, over all its lives.

    Attributes:
        name: of the machine.
        lives: how often it was started.
        machine, process, registry: of its present life; the machine is None while it is down.
    """

    name: str
    lives: int = 0
    machine: Machine | None = None
    process: Process | None = None
    registry: RemoteRegistry | None = None

    @property
    def is_up(self) -> bool:
        """Whether it has started and neither stopped nor died."""
        return self.machine is not None and self.process is not None and self.process.running


class Simulation:
    """Machines that share a database and a network.

    Args:
        seed: of everything that happens by chance.
        directory: where the machines keep their files.
        names: of the machines.
        placement: strategy for the particles of the workload.
    """

    def __init__(self, seed: int, directory: Path, names: Sequence[str], *, placement: str = "spread") -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ProcessLoop)
        self.loop = loop
        self.chance = random.Random(seed)
        self.directory = directory
        self.placement = placement
        self.database = MemoryRegistry()
        self.network = Network(random.Random(seed + 1), delay=(0.0002, 0.004), notice=2.0)
        self.nodes = {name: Node(name) for name in names}
        self.ledger = Ledger(self.database)
        self._processes: list[Process] = []
        self._handlers = list(_LOG.handlers)

    async def open(self) -> None:
        """Starts every machine and creates ``localhost``."""
        await self.database.open()
        await asyncio.gather(*(self.start(node) for node in self.nodes.values()))

    def _config(self, node: Node) -> Config:
        stars = [StarTemplate("nexus", "Nexus", i, ("nexus",), name) for i, name in enumerate(self.nodes)]
        stars += [StarTemplate("maelstrom", "Maelstrom", i, ("nexus",), name) for i, name in enumerate(self.nodes)]
        home = self.directory / f"{node.name}{node.lives}"
        keys = self.directory / "keys"
        keys.mkdir(exist_ok=True)
        home.mkdir()
        (home / "keys").symlink_to(keys)  # a machine that starts again is the same to the others
        return Config(
            name=node.name,
            data_dir=home,
            seed=self.chance.getrandbits(32),
            control=Control(enabled=False),
            stars=tuple(stars),
            kinds={"Ledger": KindSettings(placement=self.placement)},
            plugins=Plugins(only=("base", "grants", "ledger-kinds")),
            idle_after=3.0,
            stop_deadline=3.0,
        )

    async def start(self, node: Node) -> None:
        """Starts a machine that is down."""
        node.lives += 1
        node.process = Process(self.loop, f"{node.name}#{node.lives}")
        self._processes.append(node.process)
        node.registry = _REGISTRY(self.database, random.Random(self.chance.getrandbits(32)))
        machine = Machine(
            self._config(node),
            plugins=(LedgerKinds(self.ledger),),
            registry=node.registry,
            transport=self.network.transport(node.name),
        )
        await node.process.start(machine.start(), f"start {node.name}")
        node.machine = machine

    async def stop(self, node: Node) -> None:
        """Stops a machine as its operator would."""
        machine, process = node.machine, node.process
        assert machine is not None and process is not None
        node.machine = None
        await process.start(machine.stop(), f"stop {node.name}")

    def kill(self, node: Node) -> None:
        """SIGKILL."""
        assert node.process is not None
        machine, node.machine = node.machine, None
        node.process.kill()
        if machine is not None:
            machine.parts.transport.crash()  # type: ignore[attr-defined]  # it is one of ours

    def freeze(self, node: Node) -> None:
        """SIGSTOP; the others notice when it does not answer for a while."""
        process = node.process
        assert process is not None
        process.stop()

        def silent() -> None:
            if not process.running and not process.dead:
                self.network.silence(node.name)

        self.loop.call_later(_STOPPED_NOTICE, silent)

    def thaw(self, node: Node) -> None:
        """SIGCONT."""
        assert node.process is not None
        node.process.go_on()

    def bury(self) -> None:
        """The end: the tasks of those that were killed may be cancelled with all others.

        Their handlers of the log go as well, as they would with a process. Hundreds of them would make each line of the
        log that a later test writes take a tenth of a second, and keep it hundreds of times.
        """
        for process in self._processes:
            if process.dead:
                process.bury()
        for handler in [handler for handler in _LOG.handlers if handler not in self._handlers]:
            _LOG.removeHandler(handler)
            handler.close()

    def up(self) -> list[Node]:
        """The machines that run."""
        return [node for node in self.nodes.values() if node.is_up]

    async def on(self, node: Node, work: Any) -> Any:
        """Runs something in the process of a machine."""
        assert node.process is not None
        return await node.process.start(work)

    def sender(self, node: Node, name: str = "client") -> LocalSender:
        """Somebody in the process of a machine who sends waves."""
        assert node.machine is not None
        return LocalSender(node.machine.parts.outbound, sender=Point.parse(name), agent=HYPERUSER)
