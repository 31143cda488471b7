"""A watch ends when the agent that watches may not read the particle any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hyperverse_core import Client, Machine
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.universe.address.point import Point
from patience import PATIENCE, until

ANN = "hyperspace:users:ann"
PROBE = "localhost:probe"


@pytest_asyncio.fixture
async def ann(machine: Machine, data_dir: Path) -> AsyncIterator[Client]:
    """A client of Ann, who may read the probe and select its children."""
    client = machine.client()
    await client.exec(
        f"create {ANN}<User>; grant perm +cSd-Rwx on {PROBE} to {ANN}; grant perm +csd-Rwx on {PROBE}:* to {ANN}"
    )
    await machine.registry.add_token(TokenRecord(token_digest("of ann"), Point.parse(ANN), "ann"))
    async with Client.connect(data_dir, token="of ann") as found:
        yield found


@pytest.mark.parametrize(
    "taken",
    [
        "revoke",
        "mask",
        "owner",
    ],
)
async def test_who_may_not_read_any_more_is_told_nothing_more(machine: Machine, ann: Client, taken: str) -> None:
    client, heard = machine.client(), []
    if taken == "owner":
        await client.exec(f"create localhost:own<Base>; chown localhost:own to {ANN}")
        point = "localhost:own"
    else:
        point = PROBE

    async def listen() -> None:
        async for change in changes:
            heard.append((change.aspect, change.change))

    async with ann.watch(point) as changes:
        listening = asyncio.get_running_loop().create_task(listen())
        try:
            await client.create(f"{point}:first", "Base")
            await until(lambda: ("Child", "registered") in heard, "the first child is told")
            if taken == "owner":
                await client.exec(f"chown {point} to hyperspace:users:hyperuser")
            elif taken == "mask":
                await client.exec(f"grant perm &csd-rwx on {PROBE} to {ANN}")
            else:
                for row in (await client.exec(f"grants to {ANN}"))[0].body:
                    await client.exec(f"revoke {row['id']}")
            table = machine.parts.watches._table
            await until(lambda: not any(watched.text == point for watched, _, _ in table), "the watch has ended")
            before = list(heard)
            async with client.watch(point) as other:
                await client.create(f"{point}:second", "Base")
                async with asyncio.timeout(PATIENCE):
                    async for change in other:
                        if change.point.text == f"{point}:second":
                            break
            assert heard == before
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
