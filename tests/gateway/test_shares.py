"""What the clients of one agent may use at once, however many connections they open, and that it is given back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.conftest import StartMachine
from hyperverse_core import Client, Config, Machine
from hyperverse_core.config import Limits
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.errors import TooLarge, TooMany
from hyperverse_core.protocol.body_weight import MOST_GROUPS, MOST_VALUES, frame_weight, weight_of
from hyperverse_core.universe.address.point import Point
from patience import until

PROBE = "localhost:probe"
MIB = 1024 * 1024
BODY = {"said": b"x" * 200_000}
LIMITS = Limits(
    client_waves=500, body=MIB, agent_waves=60, agent_bytes=6 * MIB, agent_sessions=3, mailbox_bytes=MIB, bytes=8 * MIB
)


@pytest.fixture
def config(data_dir: Path) -> Config:
    return Config(data_dir=data_dir, limits=LIMITS, lease=20.0)


@pytest.fixture
async def crowded(start_machine: StartMachine) -> Machine:
    machine = await start_machine()
    for text in (
        "localhost<Space>",
        f"{PROBE}<Probe>",
        "localhost:users<UserBase<OAuth>>",
        "localhost:users:eve<User>",
    ):
        await machine.client().exec(f"create {text}")
    await machine.client().exec(f"grant perm +csd-RwX on {PROBE} to localhost:users:eve")
    await machine.registry.add_token(TokenRecord(token_digest("of-eve"), Point.parse("localhost:users:eve"), "eve"))
    return machine


@pytest.fixture
async def eves(crowded: Machine, data_dir: Path) -> AsyncIterator[list[Client]]:
    """Three connections of one agent."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Client.connect(data_dir, token="of-eve")) for _ in range(3)]


def in_use(machine: Machine) -> dict[str, Any]:
    return dict(machine.parts.status.machine()["in_use"])


async def end(sent: list[asyncio.Task[Any]]) -> list[int]:
    return [reply.status for reply in await asyncio.gather(*sent)]


async def test_several_connections_of_an_agent_have_one_share_of_waves(
    crowded: Machine, eves: list[Client], data_dir: Path
) -> None:
    loop = asyncio.get_running_loop()
    sent = [
        loop.create_task(client.ping(PROBE, "Ext<Hold>", wait=10.0))
        for client in eves
        for _ in range(LIMITS.agent_waves)
    ]
    done, _ = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
    refused = next(iter(done)).result()
    assert (refused.status, "60 waves of 'localhost:users:eve'" in refused.error) == (429, True)
    assert refused.body["retry_after"] > 0
    await until(lambda: sum(task.done() for task in sent) == 2 * LIMITS.agent_waves, "the refusals")
    assert in_use(crowded)["waves"] == LIMITS.agent_waves
    async with Client.connect(data_dir) as owner:  # somebody else is not concerned
        assert (await owner.ping(PROBE, "Ext<Runs>")).ok
        assert (await owner.status())["in_use"]["refused"] == 2 * LIMITS.agent_waves
    for client in eves:
        await client.close()
    await until(lambda: (in_use(crowded)["agents"], in_use(crowded)["bytes"]) == (0, 0), "the share to be free again")


async def test_bytes_are_counted_for_all_connections_of_an_agent(crowded: Machine, eves: list[Client]) -> None:
    points = [f"localhost:p{number}" for number in range(12)]  # so that none of them waits in a mailbox
    for point in points:
        await crowded.client().exec(f"create {point}<Probe>")
        await crowded.client().exec(f"grant perm +csd-RwX on {point} to localhost:users:eve")
    sent = [
        asyncio.ensure_future(client.ping(point, "Ext<Run>", {"gate": "x" * 900_000}, wait=3.0))
        for client, point in zip(itertools.cycle(eves), points, strict=False)
    ]
    assert set(await end(sent)) == {408, 429}
    assert in_use(crowded)["bytes_most"] <= LIMITS.agent_bytes
    await until(lambda: in_use(crowded)["bytes"] == 0, "the bytes to be given back")


async def test_one_more_connection_of_an_agent_is_refused(eves: list[Client], data_dir: Path) -> None:
    with pytest.raises(TooMany, match="already has 3 sessions open here"):
        await Client.connect(data_dir, token="of-eve", timeout=5.0)
    await eves[0].close()
    async with Client.connect(data_dir, token="of-eve", timeout=20.0) as again:
        assert again.agent.text == "localhost:users:eve"


async def test_signals_that_wait_or_run_are_counted_until_they_have_ended(crowded: Machine, data_dir: Path) -> None:
    async with Client.connect(data_dir) as client:
        replies = [await client.signal(PROBE, "Ext<Run>", {"gate": "x" * 50_000}) for _ in range(60)]
    statuses = [reply.status for reply in replies]
    assert set(statuses) == {202, 503}, statuses
    refused = next(reply for reply in replies if reply.status == 503)
    assert "are allowed" in refused.error and refused.body["retry_after"] > 0
    assert 0 < in_use(crowded)["bytes"] <= LIMITS.mailbox_bytes


@pytest.mark.parametrize(
    "body",
    [
        [[] for _ in range(MOST_GROUPS + 1)],
        [{} for _ in range(MOST_GROUPS + 1)],
        [0] * (MOST_VALUES + 1),
        {"a": [[1]] * (MOST_GROUPS + 1)},
    ],
    ids=["lists", "maps", "numbers", "in one another"],
)
def test_a_body_of_too_many_values_is_refused(body: Any) -> None:
    frame = msgspec.msgpack.encode(body)
    with pytest.raises(TooLarge, match="has more than"):
        frame_weight(body, frame)


async def test_a_client_hears_413_of_such_a_body_and_goes_on(start_machine: StartMachine, data_dir: Path) -> None:
    machine = await start_machine(Config(data_dir=data_dir, lease=20.0))
    await machine.client().exec(f"create localhost<Space>; create {PROBE}<Probe>")
    async with Client.connect(data_dir) as client:
        for body in (
            [[] for _ in range(MOST_GROUPS + 9)],
            [b"\xd6\xff\0\0\0\0", *([] for _ in range(MOST_GROUPS + 9))],
        ):
            reply = await client.ping(PROBE, "Ext<Echo>", {"said": body}, wait=30.0)
            assert (reply.status, "lists and maps" in reply.error) == (413, True)
        assert (await client.ping(PROBE, "Ext<Runs>")).ok


@pytest.mark.parametrize(
    ("body", "least"),
    [
        ([[]] * 0, 0),
        ([[] for _ in range(50_000)], 50_000 * 56),
        (list(range(1000, 90_000)), 89_000 * 36),
        (b"x" * 5_000, 5_000),
    ],
    ids=["nothing", "lists", "numbers", "bytes"],
)
def test_what_a_body_weighs_is_not_far_below_what_it_takes(body: Any, least: int) -> None:
    frame = msgspec.msgpack.encode(body)
    assert frame_weight(body, frame) >= least * 0.8
    assert weight_of(body) >= least * 0.8 or least < 256
