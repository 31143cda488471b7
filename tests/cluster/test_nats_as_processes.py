"""Two hosts, as far as one computer can be two: machines with data directories of their own, and lanes over NATS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.test_postgres_as_processes import Host
from hyperverse_core import Client
from hyperverse_core.client.api import ClientApi
from nats_server import NatsServer
from patience import PATIENCE, budget

pytestmark = pytest.mark.thorough
POINTS = [f"localhost:p{number}" for number in range(8)]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    made = []
    environ = {**os.environ, "HYPERVERSE__REGISTRY__PATH": str(tmp_path / "registry.sqlite")}
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


async def lane_is(host: Host, client: ClientApi, state: str) -> str:
    """Waits until the only lane of a machine is in that state; the cause. A lane is down, too, when the machine at its
    other end has lost its lease and is no longer in the directory."""
    async with asyncio.timeout(PATIENCE):
        while True:
            lanes = (await client.status())["lanes"]
            if not lanes and state == "down":
                return ""
            if lanes and lanes[0]["state"] == state:
                return str(lanes[0]["cause"])
            await asyncio.sleep(0.05)


async def test_machines_serve_one_another_s_particles_over_nats_through_losses_of_the_server_and_of_a_machine(
    hosts: tuple[Host, Host], nats_server: Callable[..., NatsServer]
) -> None:
    alpha, beta = hosts
    server = nats_server()
    for host in hosts:
        (host.folder / "hyperverse.toml").write_text(f'[lanes]\ndriver = "nats"\nservers = "{server.url}"\n')
        host.run("up", "--name", host.name, "--detach")
    beta.run("keys", "allow", "alpha", "--", alpha.key())
    alpha.run("keys", "allow", "beta", "--", beta.key())
    async with Client.connect(alpha.data_dir) as one, Client.connect(beta.data_dir) as other:
        await lane_is(alpha, one, "up")
        await lane_is(beta, other, "up")
        await one.exec("create localhost<Space>; " + "; ".join(f"create {point}<Base>" for point in POINTS))
        machine_of = {star["star"]: star["machine"] for star in await one.stars()}

        async def places(client: ClientApi) -> dict[str, str]:
            replies = {point: await client.ping(point, "Cmd<Bounce>", wait=PATIENCE) for point in POINTS}
            assert all(reply.ok for reply in replies.values()), replies
            return {point: machine_of[reply.star] for point, reply in replies.items()}

        homes = await places(one)
        assert set(homes.values()) == {"alpha", "beta"}
        assert await places(other) == homes

        server.stop()
        assert "NATS" in await lane_is(alpha, one, "down")
        mine, theirs = (next(point for point in POINTS if homes[point] == name) for name in ("alpha", "beta"))
        assert (await one.ping(mine, "Cmd<Bounce>")).ok
        reply: Any = await one.ping(theirs, "Cmd<Bounce>", wait=PATIENCE)
        assert reply.status == 503
        assert json.loads(alpha.run("status", "--json"))["lanes"][0]["state"] == "down"
        server.start()
        await lane_is(alpha, one, "up")
        await lane_is(beta, other, "up")
        assert await places(one) == await places(other) == homes

        os.kill(beta.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        await lane_is(alpha, one, "down")
        assert time.monotonic() - stopped < budget(2.5)
        os.kill(beta.pid, signal.SIGCONT)
        await lane_is(alpha, one, "up")
        server.stop()
    alpha.run("down")  # also without the server
    beta.run("down")
