"""Machines on NATS and PostgreSQL, by two lines of configuration: the broker dies while clients append, and returns."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos import chaos_kinds
from chaos.history import History, Operation
from cluster.worlds import Process
from hyperverse_core import Client
from hyperverse_core.client.api import ClientApi
from nats_server import NatsServer
from patience import LEASE, PATIENCE
from postgres_server import Database
from thoroughness import THOROUGH

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]
_MACHINES = ("a", "b", "c")
_POINTS = [f"localhost:j{number}" for number in range(12)]
_ROUNDS = 4 if THOROUGH else 2
_AMID = 40
"""So many operations are acknowledged, and so many begun while the broker is away, in each round."""
_CONFIG = """
lease = {lease}
[registry]
url = "{url}"
schema = "{schema}"
[lanes]
servers = "{servers}"
[plugins]
local = true
[kinds.Journal]
placement = "round-robin"
"""


class _Load:
    """Clients that append, one after another, by the machines in turn."""

    def __init__(self, clients: list[ClientApi]) -> None:
        self.history = History()
        self.over = False
        self._clients = clients
        self._numbers = itertools.count(1)

    def count(self, outcome: str = "") -> int:
        """Number of operations that ended like that; of all that were begun when it is empty."""
        return sum(1 for done in self.history.operations if not outcome or done.outcome == outcome)

    async def reaches(self, count: int, outcome: str = "") -> None:
        """Waits until there are so many more than now."""
        until = self.count(outcome) + count
        async with asyncio.timeout(PATIENCE):
            while self.count(outcome) < until:  # noqa: ASYNC110  # the operations are not told one by one
                await asyncio.sleep(0.01)

    async def worker(self, number: int) -> None:
        chance, loop = random.Random(number), asyncio.get_running_loop()
        client = self._clients[number % len(self._clients)]
        while not self.over:
            operation = Operation(f"op{next(self._numbers)}", chance.choice(_POINTS), loop.time())
            self.history.operations.append(operation)
            reply = await client.ping(operation.target, "Ext<Append>", {"op": operation.op}, wait=PATIENCE)
            operation.ended = loop.time()
            operation.outcome, operation.status = str(reply.outcome), reply.status
            if reply.ok:
                operation.place = reply.body
            await asyncio.sleep(chance.uniform(0.0, 0.02))


async def _each_serves_all(clients: list[ClientApi]) -> None:
    async with asyncio.timeout(PATIENCE):
        for client in clients:
            for point in _POINTS:
                while not (await client.ping(point, "Ext<Length>", wait=PATIENCE)).ok:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)


async def test_nothing_is_lost_or_doubled_when_the_broker_is_killed_and_comes_back_at_its_port(
    tmp_path: Path, database: Database, nats_server: Callable[..., NatsServer]
) -> None:
    server = nats_server()
    data, config = tmp_path / "data", tmp_path / "hyperverse.toml"
    data.mkdir()
    shutil.copy(chaos_kinds.__file__, tmp_path / "hyperverse_local.py")
    config.write_text(_CONFIG.format(lease=LEASE, url=database.url, schema=database.schema, servers=server.url))
    running = [Process(name, data, config) for name in _MACHINES]
    try:
        for process in running:
            await asyncio.to_thread(process.wait_ready)
        clients = [await Client.connect(data, machine=name, timeout=PATIENCE) for name in _MACHINES]
        await clients[0].exec(
            "; ".join(["create localhost<Space>", *(f"create {point}<Journal>" for point in _POINTS)])
        )
        await _each_serves_all(clients)
        load = _Load(clients)
        workers = [asyncio.ensure_future(load.worker(number)) for number in range(6)]
        for number in range(_ROUNDS):
            await load.reaches(_AMID, "ok")
            if number % 2:  # it does not answer, and nobody is told: all machines are cut off from one another
                server.send(signal.SIGSTOP)
                await load.reaches(_AMID // 4)
            server.stop()
            await load.reaches(_AMID)
            server.start()
            await _each_serves_all(clients)
        await load.reaches(_AMID, "ok")
        load.over = True
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*workers)
        lists = {point: (await clients[0].ping(point, "Ext<List>", wait=PATIENCE)).unwrap() for point in _POINTS}
        machines = {star["star"]: star["machine"] for star in await clients[0].stars()}
        homes = {machines[(await clients[0].ping(point, "Ext<Length>", wait=PATIENCE)).star] for point in _POINTS}
        for client in clients:
            await client.close()
    finally:
        for process in running:
            process.kill()
    findings = load.history.judge(lists)
    print("\n".join(findings.lines()))
    assert (findings.lost, findings.doubled, findings.wrong) == (0, 0, [])
    assert homes == set(_MACHINES), "so waves have crossed lanes"
    assert findings.refused + findings.unknown > 0, "the loss was felt"
    assert findings.acknowledged >= _AMID * (_ROUNDS + 1)
