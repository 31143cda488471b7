"""Whoever guesses at tokens is slowed before the policy is asked, and keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.conftest import RawClient
from hyperverse_core import Client, Config, Machine
from hyperverse_core.config import Choice, Control
from hyperverse_core.contracts.policy import Credentials
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.data_dir.tokens import read_token
from hyperverse_core.errors import TooMany, Unauthorized, Unavailable
from hyperverse_core.fabric.services.sessions.attempts import Attempts
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import PROTOCOL, HelloFrame
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_stream.transport import StreamTransport
from hyperverse_zmq.transport import ZmqTransport
from patience import PATIENCE, budget, until
from thoroughness import THOROUGH

ASKED_FOR = int(os.environ.get("HYPERVERSE_GUESSES") or 0)
GUESSES = {"zmq": 1000 if THOROUGH else 100, "stream": 300 if THOROUGH else 100}
"""Each takes 5 ms of processor time, nearly all of it for the handshakes. HYPERVERSE_GUESSES=10000 asks for more."""
ROOM = 48 * 2**20
"""Bytes by which a process may grow that has both ends of all these connections: 5 KB for each of ten thousand."""
AT_ONCE = 40
"""Half of so many are answered 429 at once; of twenty, each would wait for its turn."""
NO_ATTEMPT = 408
LEASE = 20.0
"""Seconds."""
TRANSPORTS = {"zmq": ZmqTransport, "stream": StreamTransport}


@pytest.fixture(params=sorted(TRANSPORTS))
def lanes(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(data_dir: Path, lanes: str) -> Config:
    return Config(data_dir=data_dir, lanes=Choice(lanes), control=Control(address="tcp://127.0.0.1:*"), lease=LEASE)


async def attempt(transport: Any, machine: Machine, token: str) -> int:
    """The status that a hello with that token is answered with, as soon as one is heard at all."""
    while True:
        with suppress(Unavailable):  # on a busy computer neither a handshake nor a hello may come in time
            said = await guess(transport, machine, token)
            if said != NO_ATTEMPT:
                return said


async def guess(transport: Any, machine: Machine, token: str) -> int:
    """The status that a hello with that token is answered with; 0 when the connection just ends."""
    raw = RawClient(transport)
    await raw.connect(machine)
    try:
        raw.send(encode_frame(HelloFrame(PROTOCOL, token, "0")))
        said = await raw.hear()
        return 0 if said is None else getattr(said, "status", 200)
    finally:
        await transport.disconnect(raw.peer)


def resident_bytes() -> int:
    """What this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def audited(data_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in data_dir.glob("audit/*/*") for line in file.read_text().splitlines()]


async def test_a_flood_of_wrong_tokens_is_slowed_and_honest_clients_are_answered(
    machine: Machine, data_dir: Path, lanes: str
) -> None:
    guesses = ASKED_FOR or GUESSES[lanes]
    left, heard, slowest = iter(range(guesses)), [], 0.0
    loop = asyncio.get_running_loop()
    begun, resident = loop.time(), resident_bytes()
    transport = TRANSPORTS[lanes]()

    async def attack() -> None:
        for number in left:
            heard.append(await attempt(transport, machine, f"wrong-{number}"))

    async with Client.connect(data_dir) as client:
        attackers = [loop.create_task(attack()) for _ in range(AT_ONCE)]
        try:
            while not all(task.done() for task in attackers):
                at = loop.time()
                assert (await client.ping("localhost:probe", "Ext<Who>", wait=PATIENCE)).ok
                slowest = max(slowest, loop.time() - at)
                assert await attempt(transport, machine, read_token(data_dir, {})) == 200, "it was let in before"
                await asyncio.sleep(0.05)
        finally:
            await asyncio.gather(*attackers)
            await transport.close()
    seconds = loop.time() - begun
    assert set(heard) <= {401, 429} and len(heard) == guesses
    assert heard.count(401) <= 20 + 32 + 20 * (seconds + 1.0)
    assert slowest < budget(LEASE), "honest clients are answered within their lease"
    assert resident_bytes() - resident < ROOM
    await machine.stop()
    lines = audited(data_dir)
    refused = [line for line in lines if line["event"] == "login refused"]
    assert refused and all(line["target"] == "127.0.0.1" and line["why"] for line in refused)
    assert len(refused) + sum(line["count"] for line in lines if line.get("of") == "login refused") == guesses


async def test_a_new_token_is_let_in_when_its_turn_comes(machine: Machine, data_dir: Path, lanes: str) -> None:
    await machine.registry.add_token(TokenRecord(token_digest("fresh"), HYPERUSER, "fresh"))
    transport = TRANSPORTS[lanes]()
    try:
        assert {await guess(transport, machine, f"wrong-{number}") for number in range(25)} == {401}
        assert await guess(transport, machine, "fresh") == 200
    finally:
        await transport.close()


async def test_what_a_stranger_leaves_unfinished_is_bounded(machine: Machine, lanes: str, client: Client) -> None:
    transport = TRANSPORTS[lanes]()
    raw = RawClient(transport)
    try:
        await raw.connect(machine)
        raw.send(bytes(2_000_000))
        async with asyncio.timeout(PATIENCE):
            while await raw.hear() is not None:
                pass
        assert (await client.ping("localhost:probe", "Ext<Who>")).ok
        body = {"said": bytes(1_000_000)}
        assert (await client.ping("localhost:probe", "Ext<Echo>", body)).ok, "who was let in may send long frames"
    finally:
        await transport.close()


async def test_no_more_than_so_many_wait_to_be_let_in(
    machine: Machine, lanes: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hyperverse_core.gateway.gate._MOST_STRANGERS", 3)
    transport = TRANSPORTS[lanes]()
    silent = [RawClient(transport) for _ in range(5)]
    try:
        for raw in silent:
            await raw.connect(machine)
        await until(lambda: len(machine.control) <= 4, "those beyond the third to be refused")
        assert (await client.ping("localhost:probe", "Ext<Who>")).ok
    finally:
        await transport.close()


async def test_guesses_are_counted_by_key_and_by_address_and_forgotten_in_time() -> None:
    async def attempt(attempts: Attempts, shown: Credentials) -> None:
        async with attempts.attempt(shown):
            raise Unauthorized("wrong")

    attempts = Attempts()
    for number in range(30_000):  # an address, and a key, of its own for each
        with pytest.raises(Unauthorized):
            await attempt(attempts, Credentials(f"t{number}", f"k{number}", f"10.{number >> 8}.{number & 255}.1"))
    assert len(attempts) <= 20_000
    begun = asyncio.get_running_loop().time()
    same = [attempt(attempts, Credentials(f"t{n}", "one", f"2001:db8::{n:x}")) for n in range(500)]
    said = await asyncio.gather(*same, return_exceptions=True)
    slowed = [one for one in said if isinstance(one, TooMany)]
    assert len(slowed) > 400 and slowed[0].retry_after
    assert asyncio.get_running_loop().time() - begun < budget(3.0)
