"""The client that blocks: in scripts, threads, beside a running event loop, and in a notebook."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import BlockingClient, Client, Ctx, Machine, NoMachine, Particle, handler
from hyperverse_core.errors import BadRequest, NotFound, Unavailable
from patience import PATIENCE, START

PROBE = "localhost:probe"


class ProbeCalls(Particle):
    """The handlers of a Probe that the typed calls here use."""

    @handler("Ext<Echo>")
    async def echo(self, ctx: Ctx, said: str = "") -> str:
        raise NotImplementedError

    @handler("Ext<Run>")
    async def run(self, ctx: Ctx) -> int:
        raise NotImplementedError


@attrs.frozen
class Elsewhere:
    """A thread that is not the one of the machine's event loop."""

    pool: ThreadPoolExecutor

    async def run(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with ThreadPoolExecutor(8) as pool:
        yield Elsewhere(pool)


async def test_the_same_without_await(machine: Machine, data_dir: Path, elsewhere: Elsewhere) -> None:
    def script() -> None:
        with BlockingClient(data_dir) as client:
            assert client.ask(PROBE, "Ext<Echo>", "x") == client.ask(PROBE, "Ext<Echo>", "x", expect=str) == "x"
            assert client.ping(PROBE, "Cmd<Bounce>").ok and client.signal(PROBE, "Ext<Run>").status == 202
            assert client.at(PROBE, ProbeCalls).ask(ProbeCalls.echo, said="y") == "y"
            client.at(PROBE, ProbeCalls, wait=3.0).tell(ProbeCalls.run)
            assert client.ask(PROBE, "Ext<Runs>") == 2, "the Signal and what was told"
            answers = client.at("localhost:*", ProbeCalls).ask_all(ProbeCalls.echo, said="z")
            assert [answer.value for answer in answers] == ["z"]
            assert client.create("localhost:a-%", "Base").text == "localhost:a-1"
            client.set(PROBE, {"title": "T"})
            assert client.get(PROBE, ["title"]) == {"title": "T"}
            assert [row["point"] for row in client.select("localhost:*")] == ["localhost:a-1", PROBE]
            assert [result.status for result in client.exec("get localhost:a-1; get localhost:b", check=False)] == [
                200,
                404,
            ]
            assert [result.ok for result in client.run("get localhost:a-1; get localhost:b")] == [True, False]
            with pytest.raises(NotFound):
                client.exec("get localhost:b")
            assert len(client.delete("localhost:a-1")) == 1
            assert len(client.ripple("localhost:*", "Cmd<Bounce>")) == 1
            assert client.status()["machine"] == client.machine == "local"
            assert client.stars() and client.kinds() and client.rebalance()["moved"] == 0
            home = client.ping(PROBE, "Cmd<Bounce>").star
            other = next(row["star"] for row in client.stars() if "Probe" in row["kinds"] and row["star"] != home)
            client.move(PROBE, other)
            assert client.ping(PROBE, "Cmd<Bounce>").star == other
            assert client.connected and "local" in repr(client)
        assert not client.connected
        client.close()
        with pytest.raises(Unavailable, match="closed"):
            client.status()

    await elsewhere.run(script)


async def test_it_watches_in_a_loop(machine: Machine, data_dir: Path, elsewhere: Elsewhere) -> None:
    def script() -> str:
        with BlockingClient(data_dir) as client:
            setter = threading.Timer(0.2, client.set, [PROBE, {"title": "new"}])
            setter.start()
            for change in client.watch(PROBE, "Property"):
                setter.join()
                return change.aspect
        return ""

    assert await elsewhere.run(script) == "Property"


async def test_several_threads_share_one(machine: Machine, data_dir: Path, elsewhere: Elsewhere) -> None:
    client = await elsewhere.run(lambda: BlockingClient(data_dir))
    said = await asyncio.gather(
        *(elsewhere.run(lambda n=number: client.ask(PROBE, "Ext<Echo>", n)) for number in range(64))
    )
    assert said == list(range(64))
    await elsewhere.run(client.close)


async def test_a_call_in_its_own_thread_is_an_error_and_no_deadlock(
    machine: Machine, data_dir: Path, elsewhere: Elsewhere
) -> None:
    def script() -> BlockingClient:
        client = BlockingClient(data_dir)
        client.on_wave(lambda wave: client.ask(PROBE, "Ext<Echo>", 1))
        return client

    client = await elsewhere.run(script)
    reply = await machine.client().ping(client.surface.point, "Ext<Hello>", wait=PATIENCE)
    assert reply.status == 400 and "would wait for itself" in reply.error
    await elsewhere.run(client.close)


async def test_closing_ends_calls_that_wait(machine: Machine, data_dir: Path, elsewhere: Elsewhere) -> None:
    client = await elsewhere.run(lambda: BlockingClient(data_dir))
    waiting = asyncio.ensure_future(elsewhere.run(lambda: client.ping(PROBE, "Ext<Hold>", wait=PATIENCE)))
    async with Client.connect(data_dir) as other:
        async with asyncio.timeout(PATIENCE):
            while not await other.ask(PROBE, "Ext<Runs>"):  # noqa: ASYNC110  # another thread has sent it
                await asyncio.sleep(0)
    await elsewhere.run(client.close)
    assert (await waiting).status == 503


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(NoMachine, match="no machine runs on"):
        BlockingClient(tmp_path)
    with pytest.raises(BadRequest, match="data_dir is an int"):
        BlockingClient(5)  # type: ignore[arg-type]  # on purpose
    before = threading.active_count()
    with pytest.raises(NoMachine):
        BlockingClient(tmp_path)
    assert threading.active_count() == before  # nothing is left behind


_SCRIPT = """
import asyncio, sys
from hyperverse_core import BlockingClient

async def main():
    client = BlockingClient(sys.argv[1])            # beside a running event loop
    print(client.ask("localhost:probe", "Ext<Echo>", "inside a loop"))
    try:
        async with client:
            pass
    except Exception as error:
        print(error)

asyncio.run(main())
client = BlockingClient(sys.argv[1])
print(client.ask("localhost:probe", "Ext<Echo>", "never closed"))
"""


async def test_a_program_that_never_closes_it_ends(machine: Machine, data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(_SCRIPT)
    program = [sys.executable, "-W", "error", str(tmp_path / "script.py"), str(data_dir)]
    running = await asyncio.create_subprocess_exec(*program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    async with asyncio.timeout(START):
        said, wrong = await running.communicate()
    assert (running.returncode, wrong.decode()) == (0, "")
    lines = said.decode().splitlines()
    assert lines[0] == "inside a loop" and lines[-1] == "never closed"
    assert lines[1] == "a BlockingClient needs `with`, not `async with`"
