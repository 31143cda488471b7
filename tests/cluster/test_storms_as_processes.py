"""Many connections at once: real processes, real sockets, real limits."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from cluster.worlds import Processes
from hyperverse_core import Client
from hyperverse_core.errors import Unauthorized, Unavailable
from patience import PATIENCE

pytestmark = pytest.mark.thorough

CLIENTS = 300


@pytest.fixture
def processes(
    tmp_path: Path, request: pytest.FixtureRequest, registry_table: dict[str, dict[str, str]]
) -> Iterator[Processes]:
    world = Processes(tmp_path, lanes=getattr(request, "param", ""), engines=registry_table)
    yield world
    world.end()


def threads_of_this_process() -> int:
    """Those of libraries too; 0 where nobody tells."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else 0


@pytest.mark.parametrize("processes", ["stream", pytest.param("zmq", marks=pytest.mark.thorough)], indirect=True)
async def test_all_clients_that_connect_at_once_get_in_in_order(processes: Processes) -> None:
    processes.start("a")
    numbers: list[int] = []

    async def connect(number: int, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(Client.connect(processes.data_dir, timeout=PATIENCE))
        numbers.append(number)

    async with AsyncExitStack() as stack:
        threads = threads_of_this_process()
        await asyncio.gather(*(connect(number, stack) for number in range(CLIENTS)))
        assert sorted(numbers) == list(range(CLIENTS))
        assert max(abs(place - number) for place, number in enumerate(numbers)) < 64, "two of the 32 that begin at once"
        assert threads_of_this_process() <= threads + 3, "no client has threads of its own"


async def test_twenty_machines_that_start_at_once_all_run(processes: Processes) -> None:
    names = {f"m{number}" for number in range(20)}
    processes.start(*sorted(names))
    async with processes.client("m0") as first, processes.client("m19") as last:
        for client in (first, last):
            async with asyncio.timeout(PATIENCE):
                while await _machines_known_to(client) < names:  # noqa: ASYNC110  # nothing tells of it
                    await asyncio.sleep(0.1)
        points = [f"localhost:t{number}" for number in range(60)]
        await first.exec("; ".join(["create localhost<Space>", *(f"create {point}<Tally>" for point in points)]))
        replies = await asyncio.gather(*(last.ping(point, "Cmd<Bounce>", wait=PATIENCE) for point in points))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.star for reply in replies}) > 20, "they take their share"


async def test_a_client_that_waits_in_line_gives_up_when_nobody_gets_on(processes: Processes) -> None:
    """A machine that is stopped accepts no connections; those in line do not wait for each other's time-outs."""
    processes.start("a")
    process = processes.running["a"]
    process.signal(signal.SIGSTOP)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    connecting = [asyncio.ensure_future(_refused(processes.data_dir)) for _ in range(100)]
    assert all(await asyncio.gather(*connecting))
    assert loop.time() - begun < PATIENCE
    process.signal(signal.SIGCONT)


async def _machines_known_to(client: Client) -> set[str]:
    return {star["machine"] for star in await client.ask("GLOBAL::machine", "Ext<Stars>")}


async def _refused(data_dir: Path) -> bool:
    try:
        async with Client.connect(data_dir, timeout=2.0):
            return False
    except Exception as exc:
        return getattr(exc, "status", 0) == 503


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes can be set on Linux only")
@pytest.mark.parametrize("processes", ["zmq", "stream"], indirect=True)
async def test_silent_connections_do_not_abort_the_machine(processes: Processes) -> None:
    processes.start("a")
    process = processes.running["a"]
    client = await Client.connect(processes.data_dir, timeout=PATIENCE)
    soft = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0]
    assert soft == min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65_536), "the machine raises its soft limit"
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
    silent: list[socket.socket] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while len(silent) < 1200 or "accepts no connections" not in process.log.read_text():
                stranger = socket.socket(socket.AF_UNIX)
                stranger.setblocking(False)
                try:
                    stranger.connect(str(processes.data_dir / "machines" / "a" / "clients.sock"))
                except OSError:  # too many wait to be accepted: the machine has to get on
                    stranger.close()
                    await asyncio.sleep(0.02)
                    continue
                silent.append(stranger)
                if len(silent) % 20 == 0:  # ZeroMQ accepts by itself, and the machine has to hear of it
                    await asyncio.sleep(0.02)
        for result in await client.exec("create localhost<Space>"):  # who was in is served
            result.unwrap()
    finally:
        for stranger in silent:
            stranger.close()

    async with asyncio.timeout(PATIENCE):
        while (
            "accepts connections again" not in process.log.read_text()
        ):  # one that came in before it was told may be first
            await _gets_in(processes.data_dir)
    await client.close()


async def _gets_in(data_dir: Path) -> None:
    for _ in range(1000):  # sent away until the machine has closed those that have gone
        try:
            async with Client.connect(data_dir, timeout=PATIENCE) as other:
                (await other.ping("localhost", "Cmd<Bounce>")).unwrap()
                return
        except (Unavailable, Unauthorized):  # the second when it is sent away in the middle of the handshake
            await asyncio.sleep(0.1)
