"""Two hosts, as far as one computer can be two: each machine has a data directory of its own; they share a database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import Client
from hyperverse_core.client.api import ClientApi
from hyperverse_core.errors import Unavailable
from patience import LEASE, PATIENCE, START, budget
from postgres_server import Database, PostgresServer
from registry.cutting_proxy import proxied
from thoroughness import THOROUGH

pytestmark = pytest.mark.thorough


@attrs.frozen
class Host:
    """A data directory with one machine."""

    folder: Path
    name: str
    environ: dict[str, str]

    def run(self, *words: str, input: str | None = None) -> str:
        """Runs a command and returns what it prints."""
        command = [sys.executable, "-m", "hyperverse_core.cli", *words]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=START, input=input
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def data_dir(self) -> Path:
        return self.folder / ".hyperverse"

    @property
    def pid(self) -> int:
        return int((self.data_dir / "machines" / self.name / "pid").read_text())

    def key(self) -> str:
        return str(json.loads(self.run("keys", "show", "--json"))[self.name])


@pytest.fixture
def hosts(database: Database, tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    environ = {
        **os.environ,
        "HYPERVERSE__REGISTRY__SCHEMA": database.schema,
        "HYPERVERSE__LANES__ADDRESS": "tcp://127.0.0.1:*",
    }
    made = []
    for name in ("alpha", "beta"):
        folder = tmp_path / name
        (folder / ".hyperverse").mkdir(parents=True)
        made.append(Host(folder, name, environ))
    yield made[0], made[1]
    for host in made:
        try:
            os.kill(host.pid, signal.SIGKILL)
        except (OSError, ValueError):
            pass


async def test_two_machines_of_their_own_serve_one_another_s_particles_and_one_takes_over(
    hosts: tuple[Host, Host], database: Database
) -> None:
    alpha, beta = hosts
    (alpha.folder / "hyperverse.toml").write_text(f'[registry]\nurl = "{database.url}"\n')
    alpha.run("up", "--name", "alpha", "--detach")
    beta.run("up", "--name", "beta", "--detach", "--join", database.url)
    beta.run("keys", "allow", "alpha", "--", alpha.key())
    alpha.run("keys", "allow", "beta", "--", beta.key())
    points = [f"localhost:p{number}" for number in range(12)]
    token = (alpha.data_dir / "token").read_text().strip()  # the data directory of beta, which has joined, has none
    async with Client.connect(alpha.data_dir) as one, Client.connect(beta.data_dir, token=token) as other:
        async with asyncio.timeout(PATIENCE):
            for client in (one, other):  # until each of them sees the other one, it places nothing there
                while not any(lane["state"] == "up" for lane in (await client.status())["lanes"]):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        await one.exec("create localhost<Space>; " + "; ".join(f"create {point}<Base>" for point in points))
        both = {star["star"]: star["machine"] for star in await one.stars()}

        def bounce(client: ClientApi, point: str) -> Any:
            return client.ping(point, "Cmd<Bounce>", wait=PATIENCE)

        async def all_answer(client: ClientApi) -> set[str]:
            replies = [await bounce(client, point) for point in points]
            assert all(reply.ok for reply in replies), replies
            return {both[reply.star] for reply in replies}

        assert await all_answer(one) == {"alpha", "beta"}
        assert await all_answer(other) == {"alpha", "beta"}

        os.kill(alpha.pid, signal.SIGKILL)

        async with asyncio.timeout(PATIENCE):
            for point in points:
                while not (await bounce(other, point)).ok:
                    pass
        assert await all_answer(other) == {"beta"}
    beta.run("down")


async def test_while_the_database_is_away_waves_are_answered_503_and_serving_goes_on_by_itself(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    (tmp_path / ".hyperverse").mkdir()
    host = Host(tmp_path, "alpha", {**os.environ, "HYPERVERSE__REGISTRY__URL": postgres_server.url()})
    host.run("up", "--name", "alpha", "--detach")
    try:
        async with Client.connect(host.data_dir) as client:
            await client.exec("create localhost<Space>; create localhost:a<Base>; create localhost:b<Base>")
            assert (await client.ping("localhost:a", "Cmd<Bounce>")).ok
            postgres_server.stop(signal.SIGQUIT)
            reply = await client.ping("localhost:b", "Cmd<Bounce>", wait=PATIENCE)
            assert reply.status == 503
            assert "database of the registry" in str(reply.body), reply.body
            status = json.loads(host.run("status", "--json"))
            assert "cannot be reached" in json.dumps([status["registry"], status["troubles"]])
            with pytest.raises(Unavailable, match="database of the registry"):  # only the owner of the data directory
                await Client.connect(host.data_dir, token="somebody-else's")
            postgres_server.start()
            async with asyncio.timeout(PATIENCE):
                for point in ("localhost:a", "localhost:b"):
                    while not (await client.ping(point, "Cmd<Bounce>", wait=PATIENCE)).ok:
                        pass
            assert json.loads(host.run("status", "--json"))["registry"] == {"state": "up", "cause": ""}
        postgres_server.stop()
        host.run("down")
    finally:
        try:
            os.kill(host.pid, signal.SIGKILL)
        except (OSError, ValueError):
            pass


async def test_a_database_that_is_unplugged_is_noticed_within_about_a_lease_and_used_again(
    database: Database, tmp_path: Path
) -> None:
    """Nothing gets through any more, and nobody is told: neither end hears of the other's silence."""
    (tmp_path / ".hyperverse").mkdir()
    async with proxied(database.url) as proxy:
        environ = {
            **os.environ,
            "HYPERVERSE__REGISTRY__URL": proxy.url,
            "HYPERVERSE__REGISTRY__SCHEMA": database.schema,
        }
        host = Host(tmp_path, "alpha", environ)
        await asyncio.to_thread(host.run, "up", "--name", "alpha", "--detach")
        try:
            async with Client.connect(host.data_dir) as client:
                await client.exec("create localhost<Space>; create localhost:a<Base>; create localhost:b<Base>")
                assert (await client.ping("localhost:a", "Cmd<Bounce>", wait=PATIENCE)).ok
                proxy.silent = True
                begun = time.monotonic()
                # Of two particles, one is in memory and the other is asked for in the registry.
                for point in ("localhost:b", "localhost:a"):
                    async with asyncio.timeout(PATIENCE):
                        while (reply := await client.ping(point, "Cmd<Bounce>", wait=PATIENCE)).ok:
                            pass
                    assert reply.status == 503
                    assert "answer in time" in str(reply.body), reply.body
                assert time.monotonic() - begun < budget(20.0)
                proxy.silent = False
                async with asyncio.timeout(PATIENCE):
                    for point in ("localhost:a", "localhost:b"):
                        while not (await client.ping(point, "Cmd<Bounce>", wait=PATIENCE)).ok:
                            pass
            await asyncio.to_thread(host.run, "down")
        finally:
            try:
                os.kill(host.pid, signal.SIGKILL)
            except (OSError, ValueError):
                pass


async def test_machines_of_their_own_that_start_at_the_same_moment_all_start(
    database: Database, tmp_path: Path
) -> None:
    many = 20 if THOROUGH else 4
    environ = {
        **os.environ,
        "HYPERVERSE__REGISTRY__URL": database.url,
        "HYPERVERSE__REGISTRY__SCHEMA": database.schema,
        "HYPERVERSE__LEASE": str(LEASE),
    }
    folders = [tmp_path / f"m{number}" for number in range(many)]
    for folder in folders:
        (folder / ".hyperverse").mkdir(parents=True)
    pipe = asyncio.subprocess.PIPE
    starting = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hyperverse_core.cli", "up", "--detach", "--name", folder.name),
            cwd=folder,
            env=environ,
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT,
        )
        for folder in folders
    ]
    try:
        said = await asyncio.gather(*(one.communicate() for one in starting))
        assert [one.returncode for one in starting] == [0] * many, said
        async with Client.connect(folders[0] / ".hyperverse") as client:
            stars = await client.stars()
        assert len({star["star"] for star in stars}) == len(stars) == 8 * many
    finally:
        for folder in folders:
            for pid in (folder / ".hyperverse").glob("machines/*/pid"):
                try:
                    os.kill(int(pid.read_text()), signal.SIGKILL)
                except (OSError, ValueError):
                    pass
