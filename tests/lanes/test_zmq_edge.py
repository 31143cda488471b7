"""The descriptor's rules hold under stress: no message is ever left lying in a socket."""

from __future__ import annotations

import asyncio
import random

import pytest
import zmq

from hyperverse_core.errors import LaneFull
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_zmq.edge import EdgeSocket
from hyperverse_zmq.transport import ZmqTransport
from patience import PATIENCE

MANY = 100_000


async def test_a_hundred_thousand_frames_both_ways() -> None:
    harness = Harness(ZmqTransport, str, PATIENCE)
    pair = await harness.pair()
    chance = random.Random(7)

    async def flood(transport: ZmqTransport, peer: object) -> None:
        number = 0
        while number < MANY:
            for _ in range(chance.choice((1, 1, 2, 10, 300))):
                try:
                    transport.send(peer, number.to_bytes(4, "big"), priority=3)  # type: ignore[arg-type]
                except LaneFull:
                    await transport.drain(peer)  # type: ignore[arg-type]
                    break
                number += 1
                if number == MANY:
                    break
            await asyncio.sleep(0)

    await asyncio.gather(flood(pair.near, pair.peer), flood(pair.far, pair.guest))  # type: ignore[arg-type]
    expected = [number.to_bytes(4, "big") for number in range(MANY)]
    assert await pair.far_hears.have(MANY, pair.guest) == expected
    assert await pair.near_hears.have(MANY, pair.peer) == expected
    harness.end()


async def test_a_full_pipe_is_emptied_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperverse_zmq.sockets._SEND_MARK", 1)
    harness = Harness(ZmqTransport, str, PATIENCE)
    first = await harness.pair()
    pairs = [first]
    for _ in range(4):
        pairs.append(await harness.join(first.far, first.far_hears, first.address, first.endpoint))
    for number in range(100):
        for pair in pairs:
            pair.near.send(pair.peer, b"%d" % number + bytes(20_000))
            pair.far.send(pair.guest, b"%d" % number + bytes(20_000))
    expected = [b"%d" % number + bytes(20_000) for number in range(100)]
    for pair in pairs:
        assert await pair.far_hears.have(100, pair.guest) == expected
        assert await pair.near_hears.have(100, pair.peer) == expected
    harness.end()


@pytest.mark.parametrize("seed", range(5))
async def test_bare_sockets_that_answer_each_other_never_stall(seed: int) -> None:
    """Two sockets that send a random number of answers from within their own reading, and at other times too."""
    context, chance = zmq.Context(), random.Random(seed)
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    left.bind(f"inproc://edge-{seed}")
    right.connect(f"inproc://edge-{seed}")
    wanted, sent, got = 20_000, 0, 0
    done = asyncio.get_running_loop().create_future()

    def send(edge: EdgeSocket, number: int) -> None:
        nonlocal sent
        for _ in range(min(number, wanted - sent)):
            try:
                edge.socket.send(b"x", zmq.NOBLOCK)
            except zmq.Again:
                break
            sent += 1
        edge.look()

    def receive(edge: EdgeSocket) -> None:
        nonlocal got
        edge.socket.recv(zmq.NOBLOCK)
        got += 1
        send(edge, chance.choice((0, 1, 1, 2)))
        if got == wanted and not done.done():
            done.set_result(None)

    edges = [EdgeSocket(left, lambda: receive(edges[0])), EdgeSocket(right, lambda: receive(edges[1]))]
    while sent < wanted:
        send(chance.choice(edges), chance.randrange(1, 50))
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await done
    assert got == sent == wanted
    for edge in edges:
        edge.close()
        edge.close()
    context.term()
