"""Frames arrive in order, each once, whole and unchanged, from many and in both directions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from ...contracts.lane import Endpoint, Peer
from ...errors import TooLarge
from ..differences import first_difference
from .harness import Harness, LaneTests
from .recorder import Recorder

__all__ = ["Delivery"]


def _numbered(count: int, seed: int = 1) -> list[bytes]:
    chance = random.Random(seed)
    return [b"%d:" % number + chance.randbytes(chance.choice((0, 1, 30, 300, 3000))) for number in range(count)]


@pytest.mark.asyncio
class Delivery(LaneTests):
    """Order and wholeness."""

    async def test_frames_sent_in_one_turn_arrive_in_order(self, harness: Harness) -> None:
        pair, frames = await harness.pair(), _numbered(2000)
        for frame in frames:
            pair.near.send(pair.peer, frame)
        difference = first_difference(await pair.far_hears.have(len(frames), pair.guest), frames)
        assert not difference, difference
        await pair.prove_it_works()
        assert len(pair.far_hears.frames(pair.guest)) == len(frames) + 1, "frames came more than once"

    async def test_frames_sent_in_many_turns_arrive_in_order(self, harness: Harness) -> None:
        pair, frames = await harness.pair(), _numbered(500)
        for frame in frames:
            pair.far.send(pair.guest, frame)
            await asyncio.sleep(0)
        difference = first_difference(await pair.near_hears.have(len(frames), pair.peer), frames)
        assert not difference, difference

    async def test_both_directions_at_once(self, harness: Harness) -> None:
        pair, there, back = await harness.pair(), _numbered(1000, 2), _numbered(1000, 3)
        for one, other in zip(there, back, strict=True):
            pair.near.send(pair.peer, one)
            pair.far.send(pair.guest, other)
            if len(one) % 7 == 0:
                await asyncio.sleep(0)
        difference = first_difference(await pair.far_hears.have(1000, pair.guest), there)
        assert not difference, difference
        difference = first_difference(await pair.near_hears.have(1000, pair.peer), back)
        assert not difference, difference

    @pytest.mark.parametrize(
        "size", [0, 1, 255, 256, 4095, 65_535, 65_536, 131_071, 131_072, 131_073, 1_000_003, 3_000_000]
    )
    async def test_a_frame_of_any_size_arrives_unchanged(self, harness: Harness, size: int) -> None:
        pair, frame = await harness.pair(), random.Random(size).randbytes(size)
        pair.near.send(pair.peer, frame)
        pair.near.send(pair.peer, b"after")
        got = await pair.far_hears.have(2, pair.guest)
        assert got[0] == frame, f"{size} bytes became {len(got[0])}, or other ones"
        assert got[1:] == [b"after"]
        assert type(got[0]) is bytes

    async def test_the_largest_frame_passes_and_a_larger_one_is_refused(self, harness: Harness) -> None:
        pair = await harness.pair()
        frame = bytes(1000) * (pair.near.max_frame // 1000)
        frame += bytes(pair.near.max_frame - len(frame))
        with pytest.raises(TooLarge):
            pair.near.send(pair.peer, frame + b"x")
        pair.near.send(pair.peer, frame)
        assert (await pair.far_hears.have(1, pair.guest))[0] == frame
        await pair.prove_it_works()

    async def test_many_peers_are_kept_apart(self, harness: Harness) -> None:
        first = await harness.pair()
        pairs = [first]
        for _ in range(19):
            pairs.append(await harness.join(first.far, first.far_hears, first.address, first.endpoint))
        assert len({pair.guest.name for pair in pairs}) == len({pair.guest for pair in pairs}) == 20
        for number, pair in enumerate(pairs):
            for turn in range(20):
                pair.near.send(pair.peer, b"%d/%d" % (number, turn))
                pair.far.send(pair.guest, b"%d\\%d" % (number, turn))
        for number, pair in enumerate(pairs):
            assert await pair.far_hears.have(20, pair.guest) == [b"%d/%d" % (number, n) for n in range(20)]
            assert await pair.near_hears.have(20, pair.peer) == [b"%d\\%d" % (number, n) for n in range(20)]

    async def test_one_transport_may_have_many_connections(self, harness: Harness) -> None:
        first = await harness.pair()
        second = await harness.join(
            first.far, first.far_hears, first.address, first.endpoint, near=first.near, near_hears=first.near_hears
        )
        assert first.peer is not second.peer
        assert first.peer.name != second.peer.name
        first.near.send(first.peer, b"one")
        first.near.send(second.peer, b"two")
        assert await first.far_hears.have(1, first.guest) == [b"one"]
        assert await first.far_hears.have(1, second.guest) == [b"two"]

    async def test_two_endpoints_tell_their_own_receivers(self, harness: Harness) -> None:
        clients = await harness.pair()
        stars_hear = harness.recorder()
        endpoint = Endpoint("others", harness.address(), clients.far.new_identity())
        stars = await harness.join(clients.far, stars_hear, await clients.far.open(endpoint, stars_hear), endpoint)
        assert (clients.guest.endpoint, stars.guest.endpoint) == ("stars", "others")
        assert clients.peer.endpoint == stars.peer.endpoint == ""
        stars.near.send(stars.peer, b"to others")
        clients.near.send(clients.peer, b"to stars")
        assert await stars_hear.have(1) == [b"to others"]
        assert await clients.far_hears.have(1) == [b"to stars"]

    async def test_the_receiver_is_never_called_from_within_send(self, harness: Harness) -> None:
        pair = await harness.pair()
        sending = False

        class Watchful(Recorder):
            def lane_frames(self, peer: object, frames: object) -> None:
                assert not sending
                super().lane_frames(peer, frames)  # type: ignore[arg-type]  # as it was called

        hears = Watchful(harness.patience)
        endpoint = Endpoint("watched", harness.address(), pair.far.new_identity())
        watched = await harness.join(pair.far, hears, await pair.far.open(endpoint, hears), endpoint)
        for number in range(300):
            sending = True
            watched.near.send(watched.peer, b"%d" % number)
            sending = False
            if number % 10 == 0:
                await asyncio.sleep(0)
        assert len(await hears.have(300)) == 300

    async def test_a_receiver_may_answer_from_within_its_calls(self, harness: Harness) -> None:
        far, frames = await harness.transport(), _numbered(500)

        class Echo(Recorder):
            def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
                for frame in frames:
                    far.send(peer, frame)
                super().lane_frames(peer, frames)

        hears = Echo(harness.patience)
        endpoint = Endpoint("echo", harness.address(), far.new_identity())
        pair = await harness.join(far, hears, await far.open(endpoint, hears), endpoint)
        for number, frame in enumerate(frames):
            pair.near.send(pair.peer, frame)
            if number % 7 == 0:
                await asyncio.sleep(0)
        difference = first_difference(await pair.near_hears.have(len(frames), pair.peer), frames)
        assert not difference, difference

    @pytest.mark.parametrize("clumsy_in", ["up", "frames", "down"])
    async def test_a_failing_receiver_is_logged_and_harms_nothing(
        self, harness: Harness, caplog: pytest.LogCaptureFixture, clumsy_in: str
    ) -> None:
        pair = await harness.pair()

        class Clumsy(Recorder):
            def _note(self, what: str, peer: Peer) -> None:
                super()._note(what, peer)
                if what == clumsy_in:
                    raise ValueError("clumsy on purpose")

        hears = Clumsy(harness.patience)
        endpoint = Endpoint("clumsy", harness.address(), pair.far.new_identity())
        address = await pair.far.open(endpoint, hears)
        clumsy = await harness.join(pair.far, hears, address, endpoint)
        for number in range(3):
            clumsy.near.send(clumsy.peer, b"%d" % number)
            await hears.have(number + 1, clumsy.guest)
        await clumsy.prove_it_works()
        assert hears.downs == []
        clumsy.near.abort()
        await hears.have_down(clumsy.guest)
        await (await harness.join(pair.far, hears, address, endpoint)).prove_it_works()
        await pair.prove_it_works()
        assert "clumsy on purpose" in caplog.text
