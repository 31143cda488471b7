"""Connections come up once and go down once; endpoints open, close and open again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from ...contracts.lane import Endpoint, LaneTransport, Peer
from ...errors import BadRequest, LaneFull, Unavailable
from .harness import Harness, LaneTests
from .recorder import Recorder

__all__ = ["Life"]


@pytest.mark.asyncio
class Life(LaneTests):
    """Endpoints and connections."""

    async def test_a_peer_comes_up_once_and_before_its_frames(self, harness: Harness) -> None:
        pair = await harness.pair()
        await pair.prove_it_works()
        assert pair.far_hears.calls[0] == ("up", pair.guest)
        assert pair.far_hears.ups == [pair.guest]
        assert pair.near_hears.ups == [], "connect() returns the peer; lane_up is for endpoints"

    async def test_an_endpoint_may_speak_first(self, harness: Harness) -> None:
        far = await harness.transport()

        class Greeter(Recorder):
            def lane_up(self, peer: Peer) -> None:
                super().lane_up(peer)
                far.send(peer, b"welcome")

        hears, known = Greeter(harness.patience), []

        class Careful(Recorder):
            def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
                assert peer in known, "frames came before connect() had returned their peer"
                super().lane_frames(peer, frames)

        endpoint = Endpoint("stars", harness.address(), far.new_identity())
        address = await far.open(endpoint, hears)
        near, near_hears = await harness.transport(), Careful(harness.patience)
        known.append(
            await near.connect(address, near_hears, server_key=endpoint.identity.public, timeout=harness.patience)
        )
        assert await near_hears.have(1) == [b"welcome"]

    async def test_nobody_there_is_told_in_time(self, harness: Harness) -> None:
        pair = await harness.pair()
        await pair.far.close()
        near = await harness.transport()
        async with asyncio.timeout(self.patience):
            with pytest.raises(Unavailable):
                await near.connect(
                    pair.address, harness.recorder(), server_key=pair.endpoint.identity.public, timeout=1.0
                )

    async def test_an_address_in_use_is_refused_and_named(self, harness: Harness) -> None:
        pair = await harness.pair()
        second = await harness.transport()
        endpoint = Endpoint("stars", pair.address, second.new_identity())
        with pytest.raises(Unavailable) as caught:
            await second.open(endpoint, harness.recorder())
        assert pair.address in str(caught.value)
        await pair.prove_it_works()

    @pytest.mark.parametrize("address", ["nonsense", "://", "no-such-scheme://x"])
    async def test_what_is_no_address_is_a_bad_request(self, harness: Harness, address: str) -> None:
        far = await harness.transport()
        with pytest.raises(BadRequest, match="address"):
            await far.open(Endpoint("stars", address, far.new_identity()), harness.recorder())

    async def test_disconnect_delivers_what_was_sent_and_tells_the_other_side_once(self, harness: Harness) -> None:
        pair = await harness.pair()
        for number in range(500):
            pair.near.send(pair.peer, b"%d" % number)
        await pair.near.disconnect(pair.peer)
        assert await pair.far_hears.have_down(pair.guest), "why a connection has ended is told to people"
        assert pair.far_hears.frames(pair.guest) == [b"%d" % number for number in range(500)]
        assert pair.far_hears.calls[-1] == ("down", pair.guest)
        await self._nothing_follows(harness, pair.far, pair.far_hears, pair.guest)
        assert pair.near_hears.downs == [], "no lane_down for what we ended ourselves"

    async def test_an_endpoint_may_disconnect_one_peer_and_keep_the_others(self, harness: Harness) -> None:
        pair = await harness.pair()
        other = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)
        pair.far.send(pair.guest, b"farewell")
        await pair.far.disconnect(pair.guest)
        await pair.near_hears.have_down(pair.peer)
        assert pair.near_hears.frames(pair.peer) == [b"farewell"]
        await other.prove_it_works()
        assert pair.far_hears.downs == []
        assert other.near_hears.downs == []

    async def test_close_delivers_what_was_sent(self, harness: Harness) -> None:
        pair = await harness.pair()
        for number in range(500):
            pair.far.send(pair.guest, b"%d" % number)
        await pair.far.close()
        await pair.near_hears.have_down(pair.peer)
        assert pair.near_hears.frames(pair.peer) == [b"%d" % number for number in range(500)]
        assert pair.far_hears.downs == [], "no lane_down for what we ended ourselves"
        assert pair.near_hears.downs_of(pair.peer) == 1

    async def test_the_other_side_of_an_abort_is_told_once(self, harness: Harness) -> None:
        pair = await harness.pair()
        other = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)
        pair.near.abort()
        assert await pair.far_hears.have_down(pair.guest), "why a connection has ended is told to people"
        await self._nothing_follows(harness, pair.far, pair.far_hears, pair.guest)
        pair.far.abort()
        await other.near_hears.have_down(other.peer)
        await self._nothing_follows(harness, other.near, other.near_hears, other.peer)
        assert pair.near_hears.downs == []
        assert other.far_hears.downs_of(other.guest) == 0

    async def _nothing_follows(self, harness: Harness, transport: LaneTransport, hears: Recorder, peer: Peer) -> None:
        """Checks that no more calls about ``peer`` come: they had their time once another connection has worked."""
        endpoint = Endpoint("later", harness.address(), transport.new_identity())
        address = await transport.open(endpoint, hears)
        later = await harness.join(transport, hears, address, endpoint)
        await later.prove_it_works()
        assert hears.downs_of(peer) == 1, "lane_down came more than once"
        assert [what for what, about in hears.calls if about is peer][-1] == "down", "frames came after lane_down"

    async def test_what_we_have_ended_is_silent(self, harness: Harness) -> None:
        pair = await harness.pair()

        async def flood() -> None:
            while True:
                try:
                    pair.far.send(pair.guest, b"flood")
                except (LaneFull, Unavailable):
                    return
                await asyncio.sleep(0)

        flooding = asyncio.ensure_future(flood())
        await pair.near_hears.have(1, pair.peer)
        await pair.near.disconnect(pair.peer)
        before = len(pair.near_hears.calls)
        await pair.far_hears.have_down(pair.guest)
        await flooding
        again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, near=pair.near)
        await again.prove_it_works()
        assert pair.near_hears.calls[before:] == [], "nothing comes from a peer once disconnect() has returned"

    async def test_both_sides_may_end_a_connection_at_once(self, harness: Harness) -> None:
        pair = await harness.pair()
        pair.near.send(pair.peer, b"farewell")
        pair.far.send(pair.guest, b"farewell")
        async with asyncio.timeout(self.patience):
            await asyncio.gather(pair.near.disconnect(pair.peer), pair.far.disconnect(pair.guest))
        again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, near=pair.near)
        await again.prove_it_works()
        assert (pair.near_hears.downs, pair.far_hears.downs) == ([], []), "no lane_down for what we ended ourselves"

    async def test_an_end_whose_caller_was_cancelled_can_be_asked_for_again(self, harness: Harness) -> None:
        pair = await harness.pair()
        ends: tuple[Callable[[], Awaitable[None]], ...] = (lambda: pair.near.disconnect(pair.peer), pair.far.close)
        for end in ends:
            for turns in range(3):
                ending = asyncio.ensure_future(end())
                for _ in range(turns):
                    await asyncio.sleep(0)
                ending.cancel()
                await asyncio.gather(ending, return_exceptions=True)
            async with asyncio.timeout(self.patience):
                await end()

    async def test_the_address_of_a_peer_is_that_of_its_host(self, harness: Harness) -> None:
        pair = await harness.pair()
        other = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)
        assert pair.guest.address == other.guest.address, (
            "two connections from one host have the same address, which has no port: wrong tokens are counted for each"
        )

    async def test_ending_twice_is_harmless(self, harness: Harness) -> None:
        pair = await harness.pair()
        await asyncio.gather(pair.near.disconnect(pair.peer), pair.near.disconnect(pair.peer))
        await pair.near.disconnect(pair.peer)
        for transport in (pair.near, pair.far):
            await asyncio.gather(transport.close(), transport.close())
            await transport.close()
            transport.abort()
            transport.abort()
            await transport.close()

    async def test_ending_what_never_began_is_harmless(self, harness: Harness) -> None:
        await (await harness.transport()).close()
        (await harness.transport()).abort()

    @pytest.mark.parametrize("how", ["close", "abort"])
    async def test_an_address_can_be_opened_again(self, harness: Harness, how: str) -> None:
        pair = await harness.pair()
        if how == "close":
            await pair.far.close()
        else:
            pair.far.abort()
        await pair.near_hears.have_down(pair.peer)
        far, hears = await harness.transport(), harness.recorder()
        endpoint = Endpoint("stars", pair.address, pair.endpoint.identity)
        again = await harness.join(far, hears, await far.open(endpoint, hears), endpoint, near=pair.near)
        assert again.address == pair.address
        await again.prove_it_works()
