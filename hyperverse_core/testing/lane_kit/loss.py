"""After a connection is lost, no frame is accepted for it, and a new connection is a new peer."""

from __future__ import annotations

import asyncio

import pytest

from ...errors import Unavailable
from ..differences import first_difference
from .harness import Harness, LaneTests

__all__ = ["Loss"]


@pytest.mark.asyncio
class Loss(LaneTests):
    """The remains of a lost peer."""

    async def test_a_peer_that_is_gone_takes_nothing(self, harness: Harness) -> None:
        pair = await harness.pair()
        await pair.far.close()
        await pair.near_hears.have_down(pair.peer)
        with pytest.raises(Unavailable):
            pair.near.send(pair.peer, b"anybody?")
        with pytest.raises(Unavailable):
            await pair.near.drain(pair.peer)
        await pair.near.disconnect(pair.peer)

    async def test_a_peer_that_we_ended_takes_nothing(self, harness: Harness) -> None:
        pair = await harness.pair()
        ending = asyncio.ensure_future(pair.near.disconnect(pair.peer))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            pair.near.send(pair.peer, b"one more")
        await ending
        with pytest.raises(Unavailable):
            pair.near.send(pair.peer, b"one more")

    async def test_frames_of_a_lost_connection_never_reach_the_next_one(self, harness: Harness) -> None:
        pair = await harness.pair()
        for number in range(200):
            pair.far.send(pair.guest, b"old %d" % number)
        pair.near.abort()
        await pair.far_hears.have_down(pair.guest)
        again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)
        assert again.guest is not pair.guest
        await again.prove_it_works()
        assert again.near_hears.frames(again.peer) == [b"works!"]

    async def test_what_arrives_before_a_loss_has_no_gap(self, harness: Harness) -> None:
        pair = await harness.pair()
        frames = [b"%d" % number for number in range(3000)]
        for frame in frames[:1500]:
            pair.near.send(pair.peer, frame)
        await pair.far_hears.have(1, pair.guest)
        for frame in frames[1500:]:
            pair.near.send(pair.peer, frame)
        pair.near.abort()
        await pair.far_hears.have_down(pair.guest)
        got = pair.far_hears.frames(pair.guest)
        difference = first_difference(got, frames[: len(got)])
        assert not difference, difference

    async def test_a_transport_that_has_ended_begins_nothing(self, harness: Harness) -> None:
        pair = await harness.pair()
        await pair.near.close()
        with pytest.raises(Unavailable):
            await pair.near.connect(pair.address, harness.recorder(), server_key=pair.endpoint.identity.public)
        with pytest.raises(Unavailable):
            await pair.near.open(pair.endpoint, harness.recorder())

    async def test_giving_up_on_connecting_leaves_no_peer(self, harness: Harness) -> None:
        pair = await harness.pair()
        near = await harness.transport()
        connecting = asyncio.ensure_future(
            near.connect(pair.address, harness.recorder(), server_key=pair.endpoint.identity.public, timeout=5.0)
        )
        await asyncio.sleep(0)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        key = pair.endpoint.identity.public
        peer = await near.connect(pair.address, harness.recorder(), server_key=key, timeout=self.patience)
        near.send(peer, b"it is me")
        hears = pair.far_hears
        await hears.until(lambda: hears.count() == 1, what="the frame")
        for guest in hears.ups:
            if guest is not pair.guest and not hears.frames(guest):
                await hears.have_down(guest)
