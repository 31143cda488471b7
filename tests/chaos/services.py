"""What may happen to the servers of a run, PostgreSQL and NATS, and to the ways of its machines to them."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

import attrs

from chaos.databases import ChaosDatabase
from chaos.history import Fault
from chaos.proxy import Proxy
from nats_server import NatsServer

__all__ = ["NATS_FAULTS", "POSTGRES_FAULTS", "ChaosBroker", "ServiceFaults"]

POSTGRES_FAULTS: Final = ("crash", "crash", "commit", "commit", "part")
NATS_FAULTS: Final = ("broker", "broker")
_AWAY: Final = (0.1, 0.5, 1.0, 3.0)
"""For how many seconds a server is gone."""


class ChaosBroker:
    """A NATS server of a run, which is killed and comes back at its port.

    Args:
        port: where it listens.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._folder = Path(tempfile.mkdtemp(prefix="hv-nats-"))
        self._server = NatsServer(self._folder, port=port)

    def start(self) -> None:
        """Starts it."""
        self._server.start()

    def kill(self) -> None:
        """Nobody is told that it goes."""
        self._server.stop(signal.SIGKILL)

    def table(self, way: Proxy) -> str:
        """What a machine whose way to it this is has in its table ``[lanes]``."""
        return f'servers = "nats://127.0.0.1:{way.port}"'

    def close(self) -> None:
        """Ends it. May be called twice."""
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@attrs.define
class ServiceFaults:
    """Faults of the servers.

    Attributes:
        chance: decides what happens.
        begin: notes a fault that begins.
        over: notes that it is over.
        later: calls a function after some seconds, when that fault is over.
        database, broker: the servers; None for one that the run does not have.
    """

    chance: random.Random
    begin: Callable[[str], Fault]
    over: Callable[[Fault], None]
    later: Callable[[float, Callable[[], Any], Fault], None]
    database: ChaosDatabase | None
    broker: ChaosBroker | None

    @property
    def plan(self) -> tuple[str, ...]:
        """Which of them may happen. What is there twice happens twice as often."""
        both = ("both",) if self.database is not None and self.broker is not None else ()
        return (
            *(POSTGRES_FAULTS if self.database is not None else ()),
            *(NATS_FAULTS if self.broker is not None else ()),
            *both,
        )

    async def crash_database(self) -> None:
        """PostgreSQL stops at once, and is started again."""
        assert self.database is not None
        seconds = self.chance.choice(_AWAY)
        fault = self.begin(f"the registry stops at once, for {seconds} s")
        await _away(seconds, (self.database.stop_at_once,), (self.database.start,))
        self.over(fault)

    async def kill_broker(self) -> None:
        """NATS is killed, and is started again."""
        assert self.broker is not None
        seconds = self.chance.choice(_AWAY)
        fault = self.begin(f"the broker is killed, for {seconds} s")
        await _away(seconds, (self.broker.kill,), (self.broker.start,))
        self.over(fault)

    async def lose_both(self) -> None:
        """Both at the same moment; either may be back first."""
        assert self.database is not None
        assert self.broker is not None
        seconds = self.chance.choice(_AWAY)
        back = [self.database.start, self.broker.start]
        self.chance.shuffle(back)
        fault = self.begin(f"the registry stops at once and the broker is killed, for {seconds} s")
        await _away(seconds, (self.database.stop_at_once, self.broker.kill), back)
        self.over(fault)

    async def cut_commit(self, name: str) -> None:
        """The connection of a machine breaks in the middle of a commit: nobody has told it whether it was done."""
        assert self.database is not None
        fault = self.begin(f"the registry does not answer the next save of {name}")
        self.database.cut_a_commit(name)
        self.over(fault)

    async def part_from_database(self, name: str) -> None:
        """A machine is cut off from the database, and from nothing else."""
        assert self.database is not None
        database, seconds = self.database, self.chance.choice((0.3, 1.0, 2.5, 4.0))
        fault = self.begin(f"the registry is cut off from {name} for {seconds} s")
        database.part(name)
        loop = asyncio.get_running_loop()
        self.later(seconds, lambda: loop.call_soon_threadsafe(database.join, name), fault)

    async def open(self) -> None:
        """Starts the servers."""
        if self.database is not None:
            await self.database.open()
        if self.broker is not None:
            await asyncio.to_thread(self.broker.start)

    async def close(self) -> None:
        """Ends them."""
        if self.broker is not None:
            await asyncio.to_thread(self.broker.close)
        if self.database is not None:
            await self.database.close()


async def _away(seconds: float, stop: Collection[Callable[[], None]], start: Collection[Callable[[], None]]) -> None:
    await asyncio.gather(*(asyncio.to_thread(act) for act in stop))
    await asyncio.sleep(seconds)
    for act in start:
        await asyncio.to_thread(act)
