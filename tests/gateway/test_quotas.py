"""How often the clients of one agent may send and create, and how much they may watch; others go on beside them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.conftest import StartMachine
from hyperverse_core import Client, Config, Machine
from hyperverse_core.config import Limits
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.scheduling.rate_limiter import RateLimiter
from hyperverse_core.universe.address.point import Point
from patience import budget

PROBE = "localhost:probe"
USERS = 50
RATE, MADE, WATCHED = 5.0, 2.0, 6


@pytest.fixture
def config(data_dir: Path) -> Config:
    limits = Limits(agent_rate=RATE, agent_new_particles=MADE, agent_watches=WATCHED)
    return Config(data_dir=data_dir, limits=limits, lease=20.0)


@pytest.fixture
async def shared(start_machine: StartMachine) -> Machine:
    """A machine with fifty users, who may use one particle and create beside it."""
    machine = await start_machine()
    await machine.client().exec(f"create localhost<Space>; create {PROBE}<Probe>; create localhost:u<UserBase<OAuth>>")
    for number in range(USERS):
        point = f"localhost:u:user{number}"
        await machine.client().exec(
            f"create {point}<User>; grant perm +csd-RwX on {PROBE} to {point};"
            f"grant perm +CSd-rwx on localhost to {point}"
        )
        await machine.registry.add_token(TokenRecord(token_digest(f"of-{number}"), Point.parse(point), "t"))
    return machine


async def test_waves_are_paced_over_all_connections_and_a_new_one_does_not_help(
    shared: Machine, data_dir: Path
) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    statuses: list[int] = []
    for _ in range(2):
        async with Client.connect(data_dir, token="of-1") as one, Client.connect(data_dir, token="of-1") as two:
            sent = [client.ping(PROBE, "Ext<Who>") for client in (one, two) for _ in range(60)]
            replies = await asyncio.gather(*sent)
            statuses += [reply.status for reply in replies]
    allowed = 2 * RATE + RATE * (loop.time() - begun) + 1
    assert set(statuses) == {200, 429} and statuses.count(200) <= allowed
    refused = next(reply for reply in replies if reply.status == 429)
    assert 0 < refused.body["retry_after"] <= 1 / RATE and "5 waves per second" in refused.error
    async with Client.connect(data_dir) as owner:
        replies = await asyncio.gather(*(owner.ping(PROBE, "Ext<Who>") for _ in range(150)))
        assert {reply.status for reply in replies} == {200}, "the hyperuser has no pace"


async def test_new_particles_are_paced(shared: Machine, data_dir: Path) -> None:
    async with Client.connect(data_dir, token="of-2") as client:
        for number in range(100):
            (made,) = await client.exec(f"create localhost:new{number}<Base>", check=False)
            if not made.ok:
                break
        assert made.status == 429 and "2 particles per second" in made.body["error"]
        await asyncio.sleep(made.body["retry_after"])
        await client.create("localhost:later", "Base")


async def test_watches_of_an_agent_are_bounded_and_given_back(shared: Machine, data_dir: Path) -> None:
    async with Client.connect(data_dir, token="of-3") as client:
        body: dict[str, Any] = {"point": PROBE, "aspects": ["State"]}
        for name in ("a", "b"):
            await shared.client().exec(
                f"create localhost:{name}<Probe>; grant perm +csd-R on localhost:{name} to localhost:u:user3",
                check=False,
            )
        body["aspects"] = ["State", "Log", "Property", "Child"]
        assert (await client.ping("GLOBAL::machine", "Ext<Watch>", body)).ok
        async with Client.connect(data_dir, token="of-3") as second:
            refused = await second.ping("GLOBAL::machine", "Ext<Watch>", body)
            assert (refused.status, "6 aspects" in refused.error) == (429, True)
        assert (await client.ping("GLOBAL::machine", "Ext<Unwatch>", {})).ok
        assert (await client.ping("GLOBAL::machine", "Ext<Watch>", body)).ok


@pytest.mark.thorough
async def test_fifty_users_who_flood_keep_nobody_waiting(shared: Machine, data_dir: Path) -> None:
    over = asyncio.Event()

    async def flood(number: int) -> tuple[int, int]:
        got = [0, 0]
        async with Client.connect(data_dir, token=f"of-{number}") as client:
            while not over.is_set():
                for reply in await asyncio.gather(*(client.ping(PROBE, "Ext<Who>") for _ in range(5))):
                    got[reply.status == 429] += 1
        return got[0], got[1]

    loop = asyncio.get_running_loop()
    floods = [loop.create_task(flood(number)) for number in range(1, USERS)]
    try:
        async with Client.connect(data_dir, token="of-0") as honest:
            for _ in range(10):
                at = loop.time()
                assert (await honest.ping(PROBE, "Ext<Who>", wait=budget(2.0))).ok
                assert loop.time() - at < budget(2.0)
                await asyncio.sleep(0.1)
    finally:
        over.set()
    answered = await asyncio.gather(*floods)
    assert any(refused for _, refused in answered)


async def test_a_pace_remembers_no_more_than_it_may() -> None:
    pace = RateLimiter(1.0)
    for number in range(20_000):
        assert pace.wait(f"agent {number}") == 0.0
    assert len(pace) <= 10_000
    assert pace.wait("agent 19999") == 0.0 and 0.0 < pace.wait("agent 19999") <= 1.0
