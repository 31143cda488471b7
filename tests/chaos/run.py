"""A run: machines as processes, clients that append to lists, users whose rights come and go, and a plan of faults that
a seed decides."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from chaos import chaos_kinds
from chaos.databases import ChaosDatabase
from chaos.history import Fault, Findings, History, Operation
from chaos.proxy import Proxy
from chaos.rules import Rules
from chaos.services import ChaosBroker, ServiceFaults
from cluster.worlds import Process
from hyperverse_core import Client, Outcome, Pong
from hyperverse_core.errors import HyperverseError
from patience import PATIENCE, budget

__all__ = ["FAULTS", "Chaos"]

_MACHINES = ("a", "b", "c")
_PARTICLES = 12
_STARTS = 5
_PAUSE = 1.0
_WORKERS = 6
_WAIT = 6.0
_PROMISE = 1.0
"""Seconds after a grant or its end within which every machine decides by it: docs/explanation/security.md."""
_METHODS = ("Ext<Append>", "Ext<AppendHalf>", "Ext<AppendOdd>", "Ext<AppendLate>")
_OFTEN = (85, 6, 4, 5)
_REPEAT = "it is safe to repeat it"
_REPEATS = 20
FAULTS = ("pause", "lock", "move", "cut", "cut", "kill", "kill", "freeze", "freeze", "stop", "drain")
_OF_THE_FILE = 3
"""The first of them happen to a registry in a file."""
_HARM_NO_MACHINE = frozenset({"pause", "cut", "lock", "move", "crash", "commit", "broker", "both"})
_CONFIG = """
[lanes]
{lanes}
[plugins]
local = true
[kinds.Journal]
placement = "{placement}"
"""
_TCP = 'address = "tcp://127.0.0.1:{port}"\nadvertise = "tcp://127.0.0.1:{proxy}"'


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Chaos:
    """One run.

    Args:
        directory: empty; for data, config and logs.
        seed: decides faults and load.
        seconds: for which things are broken; mending and checking come on top.
        say: told what happens.
        faults: what may happen; what is named twice happens twice as often. By default what can happen to the registry
            that is used.
        least: how many appends have to be acknowledged before it ends. A busy computer may need longer for them, and
            gets ``PATIENCE`` more.
        postgres: whether the registry is a PostgreSQL server of the run's own, and not a SQLite file.
        nats: whether lanes go over a NATS server of the run's own, and not over TCP.
    """

    def __init__(
        self,
        directory: Path,
        *,
        seed: int,
        seconds: float,
        say: Callable[[str], None],
        faults: Sequence[str] = (),
        least: int = 0,
        postgres: bool = False,
        nats: bool = False,
    ) -> None:
        self.chance = random.Random(seed)
        self.seconds = seconds
        self.say = say
        self.least = least
        self.services = ServiceFaults(
            self.chance,
            self._fault,
            self._over,
            self._later,
            ChaosDatabase(_MACHINES) if postgres else None,
            ChaosBroker(free_port()) if nats else None,
        )
        self.faults = faults or (*self.services.plan, *FAULTS[_OF_THE_FILE if postgres else 0 :])
        self.data_dir = directory / "data"
        self.data_dir.mkdir(parents=True)
        shutil.copy(chaos_kinds.__file__, directory / "hyperverse_local.py")
        self.directory = directory
        self.placement = self.chance.choice(["spread", "hash", "round-robin"])
        broker = self.services.broker
        self.ports = {name: free_port() if broker is None else broker.port for name in _MACHINES}
        self.proxies = {name: Proxy(port) for name, port in self.ports.items()}
        self.history = History()
        self.running: dict[str, Process] = {}
        self.frozen: set[str] = set()
        self.begun = time.monotonic()
        self.over = False
        self.rules = Rules(
            self.data_dir,
            tuple(f"localhost:j{number}" for number in range(_PARTICLES)),
            random.Random(seed),
            now=lambda: time.monotonic() - self.begun,
            over=lambda: self.over,
        )
        self._numbers = itertools.count(1)
        self._mending: list[asyncio.Task[None]] = []

    # -- load ---------------------------------------------------------------------------------------------

    async def _worker(self, number: int) -> None:
        """Appends through one client after another. A client whose machine dies finds another by itself."""
        chance = random.Random(number)
        while not self.over:
            with suppress(HyperverseError):
                async with Client.connect(self.data_dir, timeout=3.0) as client:
                    until = time.monotonic() + chance.uniform(3.0, 10.0)
                    while time.monotonic() < until and not self.over:
                        await self._append(client, chance)
                        await asyncio.sleep(chance.uniform(0.0, 0.02))
            await asyncio.sleep(0.02)

    async def _append(self, client: Client, chance: random.Random) -> None:
        target = f"localhost:j{chance.randrange(_PARTICLES)}"
        operation = Operation(f"op{next(self._numbers)}", target, time.monotonic() - self.begun)
        self.history.operations.append(operation)
        reply = await self._send(client, operation, chance)
        while reply.outcome is Outcome.FAILED and _REPEAT in reply.error and operation.repeated < _REPEATS:
            operation.repeated += 1
            await asyncio.sleep(float((reply.body or {}).get("retry_after") or 0.1))
            reply = await self._send(client, operation, chance)
        operation.ended = time.monotonic() - self.begun
        operation.outcome, operation.status = str(reply.outcome), reply.status
        operation.saved = chaos_kinds.AFTER_SAVE in (reply.error or "")
        if reply.ok:
            operation.place = reply.body

    async def _send(self, client: Client, operation: Operation, chance: random.Random) -> Pong:
        return await client.ping(
            operation.target,
            chance.choices(_METHODS, _OFTEN)[0] if not operation.repeated else "Ext<Append>",
            {"op": operation.op},
            wait=_WAIT + 2.0,  # longer than a save waits for a lock
            retries=chance.choice((0, 0, 5)),
        )

    # -- what is broken -----------------------------------------------------------------------------------

    def _note(self, text: str) -> None:
        self.say(f"{time.monotonic() - self.begun:7.2f}  {text}")

    def _fault(self, what: str) -> Fault:
        self._note(what)
        fault = Fault(what, time.monotonic() - self.begun)
        self.history.faults.append(fault)
        return fault

    def _over(self, fault: Fault) -> None:
        fault.ended = time.monotonic() - self.begun

    def _later(self, seconds: float, what: Callable[[], object], fault: Fault | None = None) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(what)
            if fault is not None:
                self._over(fault)

        task = asyncio.get_running_loop().create_task(wait())
        self._mending.append(task)

    def _whole(self) -> list[str]:
        return sorted(self.running.keys() - self.frozen)

    async def _break(self) -> None:
        faults = {
            "pause": self._pause_registry,
            "lock": self._lock_registry,
            "move": self._move_registry,
            "cut": self._cut,
            "kill": self._kill,
            "freeze": self._freeze,
            "stop": self._stop,
            "drain": self._drain,
            "crash": self.services.crash_database,
            "commit": lambda: self.services.cut_commit(self.chance.choice(self._whole())),
            "part": lambda: self.services.part_from_database(self.chance.choice(_MACHINES)),
            "broker": self.services.kill_broker,
            "both": self.services.lose_both,
        }
        possible = [name for name in self.faults if len(self._whole()) > 1 or name in _HARM_NO_MACHINE]
        if possible:
            await faults[self.chance.choice(possible)]()

    async def _kill(self) -> None:
        name = self.chance.choice(self._whole())
        fault = self._fault(f"SIGKILL {name}")
        await asyncio.to_thread(self.running.pop(name).kill)
        self._over(fault)
        self._later(self.chance.uniform(0.1, 4.0), lambda: self._start(name))

    async def _stop(self) -> None:
        name = self.chance.choice(self._whole())
        fault = self._fault(f"SIGTERM {name}")
        await asyncio.to_thread(self.running.pop(name).stop)
        self._over(fault)
        self._later(self.chance.uniform(0.1, 2.0), lambda: self._start(name))

    async def _freeze(self) -> None:
        name = self.chance.choice(self._whole())
        seconds = self.chance.choice((0.3, 1.0, 1.7, 2.5, 4.0, 6.0))
        fault = self._fault(f"SIGSTOP {name} for {seconds} s")
        process = self.running[name]
        process.signal(signal.SIGSTOP)
        self.frozen.add(name)

        def go_on() -> None:
            self.frozen.discard(name)
            process.signal(signal.SIGCONT)

        self._later(seconds, go_on, fault)

    async def _cut(self) -> None:
        """Nothing gets to a machine from the others: its lanes fall silent, and break when it is over."""
        name, seconds = self.chance.choice(_MACHINES), self.chance.choice((0.2, 1.0, 2.0, 4.0))
        fault = self._fault(f"the way to {name} is cut for {seconds} s")
        self.proxies[name].cut()
        loop = asyncio.get_running_loop()
        self._later(seconds, lambda: loop.call_soon_threadsafe(self.proxies[name].heal), fault)

    async def _drain(self) -> None:
        name = self.chance.choice(self._whole())
        fault = self._fault(f"drain {name}")
        with suppress(HyperverseError):
            async with Client.connect(self.data_dir, machine=name, timeout=2.0) as client:
                await client.ping("GLOBAL::machine", "Ext<Drain>", wait=5.0)
        await asyncio.to_thread(self.running.pop(name).stop)
        self._over(fault)
        self._later(0.1, lambda: self._start(name))

    async def _pause_registry(self) -> None:
        """Holds the write lock of the database, as a backup or a disk that hangs would."""
        await self._hold_registry(self.chance.choice((0.5, 1.0, 2.0, 3.5)))

    async def _lock_registry(self) -> None:
        """The same, for longer than a save waits: it fails, and its caller is told to repeat."""
        await self._hold_registry(self.chance.choice((5.5, 6.5)))

    async def _move_registry(self) -> None:
        """Somebody moves the file and puts it back: saves fail at once. No machine may start meanwhile."""
        if self._mending and not all(task.done() for task in self._mending):
            return
        seconds = self.chance.choice((0.2, 0.5, 1.0))
        fault = self._fault(f"the registry is moved away for {seconds} s")
        file, away = self.data_dir / "registry.sqlite", self.data_dir / "away.sqlite"
        file.rename(away)
        await asyncio.sleep(seconds)
        away.rename(file)
        self._over(fault)

    async def _hold_registry(self, seconds: float) -> None:
        fault = self._fault(f"the registry is paused for {seconds} s")

        def hold() -> None:
            file = f"{(self.data_dir / 'registry.sqlite').absolute().as_uri()}?mode=rw"
            held = sqlite3.connect(file, uri=True, isolation_level=None, timeout=1.0)
            try:
                held.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                held.execute("ROLLBACK")
            except sqlite3.OperationalError:
                self._note("the registry is held by a machine that sleeps in the middle of a transaction")
            finally:
                held.close()

        await asyncio.to_thread(hold)
        self._over(fault)

    def _start(self, name: str) -> None:
        config = self.directory / f"{name}.toml"
        database, broker, way = self.services.database, self.services.broker, self.proxies[name]
        table = database.table(name) if database is not None else ""
        lanes = _TCP.format(port=self.ports[name], proxy=way.port) if broker is None else broker.table(way)
        config.write_text(_CONFIG.format(lanes=lanes, placement=self.placement) + table)
        for left in reversed(range(_STARTS)):
            process = Process(name, self.data_dir, config)
            try:
                process.wait_ready()
                break
            except AssertionError:  # it met a registry that is paused for longer than a machine waits
                process.kill()
                if not left:
                    raise
                self._note(f"{name} did not come up, and is started again")
                time.sleep(_PAUSE)
        self.running[name] = process
        self._note(f"{name} is up")

    # -- the run ------------------------------------------------------------------------------------------

    async def run(self) -> Findings:
        """Everything, in order."""
        try:
            return await self._run()
        finally:
            self.over = True
            for process in self.running.values():
                process.signal(signal.SIGCONT)
                process.kill()
            for proxy in self.proxies.values():
                await proxy.close()
            await self.services.close()

    async def _run(self) -> Findings:
        await self.services.open()
        for name in _MACHINES:
            await self.proxies[name].open()
            await asyncio.to_thread(self._start, name)
        async with Client.connect(self.data_dir) as client:
            commands = ["create localhost<Space>", *(f"create localhost:j{n}<Journal>" for n in range(_PARTICLES))]
            await client.exec("; ".join(commands))
            await self.rules.prepare(client)
        self.begun = time.monotonic()
        workers = [asyncio.ensure_future(self._worker(number)) for number in range(_WORKERS)]
        workers.append(asyncio.ensure_future(self.rules.run()))
        while not self._enough(time.monotonic() - self.begun):
            quiet = self.chance.random() < 0.25  # long enough to see how long it takes until all answer again
            await asyncio.sleep(self.chance.uniform(6.0, 9.0) if quiet else self.chance.uniform(0.5, 4.0))
            for task in self._mending:
                if task.done():
                    task.result()  # raises what went wrong, a machine that does not come up for example
            await self._break()
        await asyncio.gather(*self._mending)
        await asyncio.sleep(5.0)  # by then every particle answers again
        self.over = True
        await asyncio.gather(*workers)
        findings = self.history.judge(await self._lists())
        judged = self.rules.judge(budget(_PROMISE), self.history.faults)
        allowed, refused = judged.right[True], judged.right[False]
        return attrs.evolve(
            findings, wrong=[*findings.wrong, *judged.wrong], rightly_allowed=allowed, rightly_refused=refused
        )

    def _enough(self, seconds: float) -> bool:
        acknowledged = sum(operation.outcome == str(Outcome.OK) for operation in self.history.operations)
        return seconds >= self.seconds + (PATIENCE if acknowledged < self.least else 0.0)

    async def _lists(self) -> dict[str, list[str]]:
        found = {}
        async with Client.connect(self.data_dir) as client:
            for number in range(_PARTICLES):
                point = f"localhost:j{number}"
                until = time.monotonic() + PATIENCE  # a busy computer may still be mending what broke last
                reply = await client.ping(point, "Ext<List>", wait=_WAIT)
                while not reply.ok and time.monotonic() < until:
                    await asyncio.sleep(0.1)
                    reply = await client.ping(point, "Ext<List>", wait=_WAIT)
                found[point] = reply.unwrap()
        return found
