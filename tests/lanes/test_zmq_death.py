"""A peer whose process dies or stops is down within about two seconds; one that is only busy is not."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hyperverse_core.contracts.lane import Endpoint
from hyperverse_core.errors import LaneFull
from hyperverse_core.testing.lane_kit.recorder import Recorder
from hyperverse_zmq.transport import ZmqTransport
from lanes.processes import other_process
from patience import PATIENCE, budget

pytestmark = pytest.mark.thorough

SOON = 3.0  # seconds, when a core is free for both processes


@pytest.fixture
async def transport() -> AsyncIterator[ZmqTransport]:
    transport = ZmqTransport()
    yield transport
    transport.abort()


@pytest.fixture
async def endpoint(transport: ZmqTransport) -> tuple[str, str, Recorder]:
    hears, identity = Recorder(PATIENCE), transport.new_identity()
    return await transport.open(Endpoint("stars", "", identity), hears), identity.public, hears


async def test_a_killed_peer_is_down_at_once(endpoint: tuple[str, str, Recorder]) -> None:
    address, key, hears = endpoint
    with other_process("connect", address, key, "mute") as other:
        guest = await hears.have_up()
        began = time.monotonic()
        other.signal(signal.SIGKILL)
        await hears.have_down(guest)
        assert time.monotonic() - began < budget(SOON)


async def test_a_stopped_peer_is_down_soon_and_learns_of_it(endpoint: tuple[str, str, Recorder]) -> None:
    address, key, hears = endpoint
    with other_process("connect", address, key, "mute") as other:
        guest = await hears.have_up()
        assert await other.line() == "connected"
        began = time.monotonic()
        other.signal(signal.SIGSTOP)
        await hears.have_down(guest)
        assert time.monotonic() - began < budget(SOON)
        other.signal(signal.SIGCONT)
        assert (await other.line()).startswith("down ")


async def test_a_peer_stopped_under_load_is_down_soon_and_learns_of_it(
    transport: ZmqTransport, endpoint: tuple[str, str, Recorder]
) -> None:
    address, key, hears = endpoint
    with other_process("connect", address, key, "echo") as other:
        guest = await hears.have_up()
        assert await other.line() == "connected"
        for _ in range(100):
            transport.send(guest, bytes(1000))
        await hears.have(100, guest)
        other.signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(LaneFull):
            while True:
                transport.send(guest, bytes(100_000))
        await hears.have_down(guest)
        assert time.monotonic() - began < budget(SOON)
        other.signal(signal.SIGCONT)
        assert (await other.line()).startswith("down ")


async def test_a_peer_stopped_with_little_on_the_way_is_down_soon(
    transport: ZmqTransport, endpoint: tuple[str, str, Recorder]
) -> None:
    address, key, hears = endpoint
    with other_process("connect", address, key, "echo") as other:
        guest = await hears.have_up()
        assert await other.line() == "connected"
        transport.send(guest, b"x")
        await hears.have(1, guest)
        other.signal(signal.SIGSTOP)
        began = time.monotonic()
        transport.send(guest, bytes(500_000))  # more than the kernel takes, less than ZeroMQ's pipe
        await hears.have_down(guest)
        assert time.monotonic() - began < budget(SOON)


async def test_a_busy_peer_is_not_down(transport: ZmqTransport, endpoint: tuple[str, str, Recorder]) -> None:
    address, key, hears = endpoint
    with other_process("connect", address, key, "busy") as other:
        guest = await hears.have_up()
        assert await other.line() == "connected"
        sent = 0
        transport.send(guest, b"work for three seconds")
        assert await other.line() == "busy"
        while True:
            try:
                transport.send(guest, bytes(100_000))
                sent += 1
            except LaneFull:
                break
        await transport.drain(guest)
        transport.send(guest, b"how many?")
        await hears.until(lambda: hears.frames(guest)[-1:] == [b"%d" % (sent + 2)], what="all that was sent")
        assert hears.downs == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_an_endpoint_that_dies_is_down_soon(transport: ZmqTransport, tmp_path: Path, how: signal.Signals) -> None:
    hears = Recorder(PATIENCE)
    with other_process("open", f"ipc://{tmp_path}/endpoint", "echo") as other:
        address, key = (await other.line()).split()
        peer = await transport.connect(address, hears, server_key=key)
        assert await other.line() == "up"
        transport.send(peer, b"x")
        assert await hears.have(1, peer) == [b"x"]
        began = time.monotonic()
        other.signal(how)
        await hears.have_down(peer)
        assert time.monotonic() - began < budget(SOON)
        if how is signal.SIGSTOP:
            other.signal(signal.SIGCONT)
            assert (await other.line()).startswith("down ")


async def test_a_socket_left_by_a_killed_process_does_not_block_its_successor(
    transport: ZmqTransport, tmp_path: Path
) -> None:
    address = f"ipc://{tmp_path}/endpoint"
    with other_process("open", address, "mute") as other:
        await other.line()
        other.signal(signal.SIGKILL)
    endpoint, hears = Endpoint("stars", address, transport.new_identity()), Recorder(PATIENCE)
    assert await transport.open(endpoint, hears) == address
    await transport.connect(address, hears, server_key=endpoint.identity.public)
    await hears.have_up()


async def test_connecting_to_a_stopped_endpoint_ends_in_time(transport: ZmqTransport, tmp_path: Path) -> None:
    with other_process("open", f"ipc://{tmp_path}/endpoint", "mute") as other:
        address, key = (await other.line()).split()
        other.signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(Exception, match="no answer"):
            async with asyncio.timeout(PATIENCE):
                await transport.connect(address, Recorder(PATIENCE), server_key=key, timeout=0.5)
        assert time.monotonic() - began < budget(SOON)
