"""Very many strangers at a listener of streams or of ZeroMQ: nothing grows, the log tells of them in a few lines, and
guests are served meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from hyperverse_core.testing.lane_kit.harness import Harness, Pair
from hyperverse_stream.noise import Initiator
from hyperverse_stream.transport import StreamTransport
from hyperverse_zmq.transport import ZmqTransport
from patience import PATIENCE
from thoroughness import THOROUGH

MANY: Final = int(os.environ.get("HYPERVERSE_STRANGERS", 1500 if THOROUGH else 400))
_AT_ONCE: Final = 20
_GREETING: Final = b"\xff" + bytes(8) + b"\x7f\3\0"  # of ZeroMQ


@pytest.fixture(params=["stream over TCP", "stream over a socket", "zmq over TCP"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    kind, where = ZmqTransport if "zmq" in request.param else StreamTransport, "tcp://127.0.0.1:*"
    if "socket" in request.param:
        where = f"unix://{tmp_path}/s"
    harness = Harness(kind, lambda: where, PATIENCE)
    yield await harness.pair()
    harness.end()


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "little") + message


def _strange(dice: random.Random) -> bytes:
    """Noise, a lie about a length, or the beginning of a handshake that leads nowhere."""
    noise = dice.randbytes(dice.randrange(1, 300))
    first = _framed(Initiator(dice.randbytes(32), SERVER).first())
    return dice.choice([noise, _framed(noise), first, first[:20], first + noise, _GREETING + noise, _GREETING])


SERVER: Final = bytes([9]) + bytes(31)  # of nobody here


async def _say(address: str, message: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        if address.startswith("unix://"):
            _, writer = await asyncio.open_unix_connection(address.removeprefix("unix://"))
        else:
            host, _, port = address.removeprefix("tcp://").rpartition(":")
            _, writer = await asyncio.open_connection(host, int(port))
        writer.write(message)
        writer.close()
        await writer.wait_closed()


async def test_nothing_grows_by_what_strangers_say(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    dice = random.Random(3)
    caplog.set_level(logging.INFO, "hyperverse.lane")

    async def many(count: int) -> None:
        for begin in range(0, count, _AT_ONCE):
            some = [_strange(dice) for _ in range(min(_AT_ONCE, count - begin))]
            await asyncio.gather(*(_say(pair.address, message) for message in some))
        await pair.prove_it_works()

    await many(200)
    gc.collect()
    caplog.clear()
    before, opened = len(gc.get_objects()), _open_files()
    begun = asyncio.get_running_loop().time()
    await many(MANY)
    seconds = asyncio.get_running_loop().time() - begun
    lines = len(caplog.records)
    caplog.clear()
    await _until_as_few(opened + 5)
    gc.collect()
    assert len(gc.get_objects()) - before < 1000
    assert lines <= 4 * (seconds + 2)  # a few each second, whatever their number
    assert pair.far_hears.ups == [pair.guest]
    assert pair.far_hears.downs == pair.near_hears.downs == []


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


async def _until_as_few(most: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while _open_files() > most:  # noqa: ASYNC110  # the other side hears of each end a little later
            await asyncio.sleep(0.02)
