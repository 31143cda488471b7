"""What is sent arrives through a server that restarts, carries small messages only, or keeps little."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

import pytest

from hyperverse_core.errors import Unavailable
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_nats.transport import NatsTransport
from nats_server import NatsServer
from patience import PATIENCE

Servers = Callable[..., NatsServer]


async def test_a_server_that_carries_small_messages_only_carries_large_frames(nats_server: Servers) -> None:
    server = nats_server("max_payload: 64KB\n")
    harness = Harness(partial(NatsTransport, {"servers": server.url}), lambda: "", PATIENCE)
    try:
        pair = await harness.pair()
        frame = random.Random(3).randbytes(3_000_000)
        pair.near.send(pair.peer, frame)
        for number in range(2000):
            pair.near.send(pair.peer, b"%d" % number * 20)
        got = await pair.far_hears.have(2001, pair.guest)
        assert got[0] == frame
        assert got[1:] == [b"%d" % number * 20 for number in range(2000)]
    finally:
        harness.end()


async def test_after_a_restart_of_the_server_the_endpoints_are_there_again(nats_server: Servers) -> None:
    server = nats_server()
    harness = Harness(partial(NatsTransport, {"servers": server.url}), lambda: "", PATIENCE)
    try:
        pair = await harness.pair()
        server.stop()
        for hears, peer in ((pair.near_hears, pair.peer), (pair.far_hears, pair.guest)):
            assert "NATS server" in await hears.have_down(peer)
            assert hears.downs_of(peer) == 1
        with pytest.raises(Unavailable):
            pair.near.send(pair.peer, b"lost")
        with pytest.raises(Unavailable, match="NATS"):
            await pair.near.connect(
                pair.address, harness.recorder(), server_key=pair.endpoint.identity.public, timeout=5.0
            )
        server.start()
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, near=pair.near)
                    break
                except Unavailable:
                    await asyncio.sleep(0.05)
        await again.prove_it_works()
        assert again.far_hears.frames(again.guest) == [b"works?"]
    finally:
        harness.end()


async def test_a_slow_machine_is_not_cut_off_by_a_server_that_keeps_little(nats_server: Servers) -> None:
    server = nats_server("max_pending: 2MB\n")
    settings = {"servers": server.url, "server_buffer": 2 * 1024 * 1024}
    harness = Harness(partial(NatsTransport, settings), lambda: "", PATIENCE)
    try:
        pair = await harness.pair()
        pairs = [pair]
        for _ in range(7):
            pairs.append(await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint))
        for each in pairs:
            for _ in range(64):
                each.near.send(each.peer, bytes(32_000))
        for each in pairs:
            await pair.far_hears.have(64, each.guest)
            await each.prove_it_works()
        assert pair.far_hears.downs == []
        assert "Slow Consumer" not in (server.folder / "log").read_text()
    finally:
        harness.end()


async def test_messages_of_one_kib_carry_large_frames(nats_server: Servers) -> None:
    harness = Harness(partial(NatsTransport, {"servers": nats_server("max_payload: 1KB\n").url}), lambda: "", PATIENCE)
    try:
        pair = await harness.pair()
        frame = random.Random(3).randbytes(300_000)
        pair.near.send(pair.peer, frame)
        for number in range(200):
            pair.near.send(pair.peer, b"%d" % number * 20)
        got = await pair.far_hears.have(201, pair.guest)
        assert got == [frame, *(b"%d" % number * 20 for number in range(200))]
        await pair.prove_it_works()
    finally:
        harness.end()
