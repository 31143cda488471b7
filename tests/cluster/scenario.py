"""One run of the simulation: clients work, machines fail, everything is mended, and the history is checked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs

from cluster.ledger import Call, check_lists
from cluster.simulation import Node, Simulation
from hyperverse_core.universe.waves.wave import Outcome

__all__ = ["Result", "run_scenario"]

_PARTICLES = 4
_CLIENTS = 3
_FAULTS = 8
_NAMES = ("a", "b", "c")
_WAIT = 3.0
_SETTLE = 6.0
"""Seconds within which every particle has to answer again."""


@attrs.frozen
class Result:
    """What a run has shown.

    Attributes:
        calls: how many operations were asked for, and
        acknowledged: how many of them succeeded.
        events: what went wrong on purpose, with the time of each.
        faults: what must never happen.
    """

    calls: int
    acknowledged: int
    events: list[str]
    faults: list[str]


class Scenario:
    """A run."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.chance = random.Random(seed * 7919)
        self.sim = Simulation(seed, directory, _NAMES, placement=self.chance.choice(["spread", "hash", "round-robin"]))
        self.sim.network.drop = self.chance.choice((0.0, 0.0, 0.002))
        self.points = [f"localhost:l{number}" for number in range(_PARTICLES)]
        self.over = False
        self.events: list[str] = []
        self.numbers = 0
        self.clients: list[asyncio.Task[None]] = []
        self.coming_back: list[asyncio.Task[None]] = []

    # -- clients ------------------------------------------------------------------------------------------

    async def client(self, number: int) -> None:
        """Sends one operation after the other from some machine; looks for another when that dies."""
        while not self.over:
            up = self.sim.up()
            if not up:
                await asyncio.sleep(0.1)
                continue
            await self.one_call(self.chance.choice(up), number)
            await asyncio.sleep(self.chance.uniform(0.0, 0.1))

    async def one_call(self, node: Node, number: int) -> None:
        self.numbers += 1
        target = self.chance.choice(self.points)
        reads = self.chance.random() < 0.3
        call = Call(f"op{self.numbers}", target, self.sim.loop.time(), seen=0 if reads else -1)
        self.sim.ledger.calls.append(call)
        process = node.process
        assert process is not None
        call.at = process.name
        retries = self.chance.choice((0, 0, 3, 8))
        task = process.start(self._ask(node, call, retries))
        while not task.done():
            await asyncio.wait((task,), timeout=0.5)
            if process.dead:
                return  # the client has died with its machine

    async def _ask(self, node: Node, call: Call, retries: int) -> None:
        sender = self.sim.sender(node)
        method, body = ("Ext<Append>", {"op": call.op}) if call.seen < 0 else ("Ext<Length>", None)
        reply = await sender.ping(call.target, method, body, wait=_WAIT, retries=retries)
        call.ended, call.status, call.outcome = self.sim.loop.time(), reply.status, str(reply.outcome)
        if reply.ok and call.seen < 0:
            call.place = reply.body
        elif reply.ok:
            call.seen = reply.body

    # -- what goes wrong ----------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Remembers an event."""
        self.events.append(f"{self.sim.loop.time():8.3f} {text}")

    def later(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        """Has something happen after a while, at the end of the run at the latest."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            await what()

        self.coming_back.append(self.sim.loop.create_task(wait()))

    async def go_wrong(self) -> None:
        """One fault."""
        up = self.sim.up()
        kinds = [self.cut, self.disconnect, self.pause, self.refuse, self.rebalance]
        if len(up) > 1:
            kinds += [self.kill, self.kill, self.freeze, self.freeze, self.stop, self.drain]
        fault = self.chance.choice(kinds)
        await fault()

    async def start_again(self, node: Node) -> None:
        """Starts a machine that has died or stopped; it tries until it is there."""
        while True:
            try:
                await self.sim.start(node)
            except Exception as exc:
                self.note(f"{node.name} does not start: {exc}")
                await asyncio.sleep(0.5)
                continue
            self.note(f"{node.name} is up")
            return

    async def kill(self) -> None:
        node = self.chance.choice(self.sim.up())
        self.note(f"kill {node.name}")
        self.sim.kill(node)
        self.later(self.chance.uniform(0.05, 4.0), lambda: self.start_again(node))

    async def stop(self) -> None:
        node = self.chance.choice(self.sim.up())
        self.note(f"stop {node.name}")
        await self.sim.stop(node)
        self.later(self.chance.uniform(0.05, 2.0), lambda: self.start_again(node))

    async def freeze(self) -> None:
        node = self.chance.choice(self.sim.up())
        process = node.process
        self.note(f"freeze {node.name}")
        self.sim.freeze(node)

        async def thaw() -> None:
            assert process is not None
            self.note(f"thaw {node.name}")
            process.go_on()

        self.later(self.chance.choice((0.1, 1.0, 1.7, 2.2, 3.0, 5.0)), thaw)

    async def cut(self) -> None:
        one, other = self.chance.sample(_NAMES, 2)
        self.note(f"cut {one} {other}")
        self.sim.network.cut(one, other)

        async def heal() -> None:
            self.note(f"heal {one} {other}")
            self.sim.network.heal(one, other)

        self.later(self.chance.uniform(0.1, 4.0), heal)

    async def disconnect(self) -> None:
        one, other = self.chance.sample(_NAMES, 2)
        self.note(f"disconnect {one} {other}")
        self.sim.network.disconnect(one, other)

    async def pause(self) -> None:
        nodes = self.chance.sample(self.sim.up(), self.chance.randint(0, len(self.sim.up())))
        registries = [node.registry for node in nodes if node.registry is not None]
        self.note(f"pause the registry of {', '.join(node.name for node in nodes)}")
        reads = self.chance.random() < 0.5
        for registry in registries:
            registry.reads = reads
            registry.pause()

        async def go_on() -> None:
            self.note("the registry goes on")
            for registry in registries:
                registry.go_on()

        self.later(self.chance.choice((0.2, 1.0, 1.8, 2.5, 4.0)), go_on)

    async def refuse(self) -> None:
        registries = [node.registry for node in self.sim.up() if node.registry is not None]
        self.note("the registry refuses now and then")
        for registry in registries:
            registry.failing = 0.2

        async def go_on() -> None:
            for registry in registries:
                registry.failing = 0.0

        self.later(self.chance.uniform(0.1, 2.0), go_on)

    async def drain(self) -> None:
        node = self.chance.choice(self.sim.up())
        self.note(f"drain {node.name}")
        await self._administer(node, "Ext<Drain>", None)
        if node.is_up:
            await self.sim.stop(node)
            self.later(0.2, lambda: self.start_again(node))

    async def rebalance(self) -> None:
        up = self.sim.up()
        if up:
            node = self.chance.choice(up)
            self.note(f"rebalance from {node.name}")
            await self._administer(node, "Ext<Rebalance>", {"apply": True})

    async def _administer(self, node: Node, method: str, body: object) -> None:
        process = node.process
        assert process is not None
        task = process.start(self.sim.sender(node, "hyperuser").ping("GLOBAL::machine", method, body, wait=10.0))
        while not task.done() and not process.dead:
            await asyncio.wait((task,), timeout=0.5)

    # -- the run ------------------------------------------------------------------------------------------

    async def run(self) -> Result:
        """Everything, in order."""
        sim = self.sim
        await sim.open()
        first = next(iter(sim.nodes.values()))
        script = "; ".join(["create localhost<Space>", *(f"create {point}<Ledger>" for point in self.points)])
        made = await sim.on(first, sim.sender(first).ping("GLOBAL::executor", "Cmd<RawCommand>", {"text": script}))
        made.unwrap()
        self.clients = [sim.loop.create_task(self.client(number)) for number in range(_CLIENTS)]
        for _ in range(_FAULTS):
            await asyncio.sleep(self.chance.uniform(0.02, 1.2))
            await self.go_wrong()
        await asyncio.gather(*self.coming_back)
        sim.network.heal_all()
        sim.network.drop = 0.0
        await asyncio.sleep(_SETTLE)
        self.over = True
        await asyncio.gather(*self.clients)
        lists = await self._final_lists()
        calls = sim.ledger.calls
        faults = [*sim.ledger.faults, *check_lists(calls, lists), *self._unended()]
        return Result(len(calls), sum(c.outcome == Outcome.OK for c in calls), self.events, faults)

    def _unended(self) -> list[str]:
        alive = {node.process.name for node in self.sim.nodes.values() if node.process is not None}
        return [f"{c.op} of {c.at} has never ended" for c in self.sim.ledger.calls if c.ended is None and c.at in alive]

    async def _final_lists(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for node in self.sim.nodes.values():
            for point in self.points:
                reply = await self.sim.on(node, self.sim.sender(node).ping(point, "Ext<List>", wait=_WAIT))
                if not reply.ok:
                    self.sim.ledger.faults.append(f"{point} does not answer {node.name} in the end: {reply.error}")
                    continue
                if found.setdefault(point, reply.body) != reply.body:
                    self.sim.ledger.faults.append(f"{point} is not the same for everybody")
        return found


async def run_scenario(seed: int, directory: Path) -> Result:
    """Runs the scenario with that number; it is the same each time."""
    scenario = Scenario(seed, directory)
    try:
        return await scenario.run()
    finally:
        scenario.sim.bury()
