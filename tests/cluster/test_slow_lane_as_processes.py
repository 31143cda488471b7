"""A machine that is stopped under load, with real processes: the others go on, and nothing piles up."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.worlds import Processes
from hyperverse_core.client.api import ClientApi
from hyperverse_core.universe.waves.wave import Outcome
from patience import PATIENCE, until

pytestmark = pytest.mark.thorough

_MIB = 1024 * 1024


@pytest.fixture
def processes(tmp_path: Path, registry_table: dict[str, dict[str, str]]) -> Iterator[Processes]:
    world = Processes(tmp_path, lease=PATIENCE, engines=registry_table)
    yield world
    world.end()


def memory_of(pid: int) -> int:
    """Bytes that a process has in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


async def one_on_each(client: ClientApi) -> dict[str, str]:
    """A particle on each machine, by the name of the machine."""
    script = "; ".join(["create localhost<Space>", *(f"create localhost:t{n}<Tally>" for n in range(30))])
    await client.exec(script)
    machines = {row["star"]: row["machine"] for row in await client.stars()}
    found = {}
    for number in range(30):
        point = f"localhost:t{number}"
        found.setdefault(machines[(await client.ping(point, "Ext<Value>")).star], point)
    return found


async def test_a_machine_that_is_stopped_under_load_holds_up_nobody_else(processes: Processes) -> None:
    # The lane to the stopped machine stays up, and no other lane is lost because a process has to wait for a processor.
    with processes.config.open("a") as config:
        config.write(f"[lanes]\nheartbeat_timeout = {PATIENCE}\n")
    processes.start("a", "b", "c")
    a, b = processes.running["a"], processes.running["b"]
    async with processes.client("a") as client, processes.client("a") as other:
        while sum(lane["state"] == "up" for lane in (await client.status())["lanes"]) < 2:  # noqa: ASYNC110  # not up yet
            await asyncio.sleep(0.01)
        at = await one_on_each(client)
        body = bytes(_MIB)
        assert (await client.ping(at["b"], "Ext<Echo>", body, wait=PATIENCE)).ok
        before = memory_of(a.pid)
        b.signal(signal.SIGSTOP)
        load = [asyncio.ensure_future(client.ping(at["b"], "Ext<Echo>", body, wait=PATIENCE)) for _ in range(60)]
        await until(lambda: memory_of(a.pid) - before > 20 * _MIB or any(ping.done() for ping in load), "the load")
        most = 0
        for _ in range(10):
            (await other.ping(at["c"], "Ext<Value>", wait=PATIENCE)).unwrap()
            most = max(most, memory_of(a.pid) - before)
        outstanding = sum(not ping.done() for ping in load)
        b.signal(signal.SIGCONT)
        outcomes = Counter(reply.outcome for reply in await asyncio.gather(*load))
    assert outstanding, "b was not asked any more"
    assert outcomes.keys() <= {Outcome.OK, Outcome.REJECTED}, outcomes  # b goes on; the lane takes no more than it can
    assert outcomes[Outcome.OK], outcomes
    assert most < 250 * _MIB  # sixty bodies, as they came and as they are sent, and what waits for the lane
    print(f"{outstanding} pings outstanding meanwhile, then {outcomes}, {most / _MIB:.0f} MiB more in memory")
