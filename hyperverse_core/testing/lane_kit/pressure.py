"""A receiver that does not keep up makes the sender wait, and never takes its memory; and urgent frames go first."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence

import pytest

from ...contracts.lane import Endpoint, Peer
from ...errors import LaneFull, Unavailable
from .harness import Harness, LaneTests, Pair
from .recorder import Recorder

__all__ = ["Pressure"]

_FRAME = 4096


class _Slow(Recorder):
    """Works for a while on each frame."""

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        for frame in frames:
            zlib.compress(frame, 9)
        super().lane_frames(peer, frames)


async def _slow_pair(harness: Harness) -> Pair:
    far, hears = await harness.transport(), _Slow(harness.patience)
    endpoint = Endpoint("slow", harness.address(), far.new_identity())
    return await harness.join(far, hears, await far.open(endpoint, hears), endpoint)


def _fill(pair: Pair, most: int) -> int:
    """Sends until the lane is full. Returns how many frames it accepted."""
    for number in range(most):
        try:
            pair.near.send(pair.peer, number.to_bytes(4, "big") * (_FRAME // 4))
        except LaneFull:
            return number
    raise AssertionError(
        f"a lane must raise LaneFull some time, and this one took {most * _FRAME >> 20} MiB in one turn: bound it; or, "
        f"if it needs that much room, set `flood_frames` to more than {most}"
    )


def _send_drained(pair: Pair, frame: bytes) -> None:
    """Sends when drain() has returned."""
    try:
        pair.near.send(pair.peer, frame)
    except LaneFull:
        raise AssertionError(
            "drain() returned, and send() raised LaneFull: it returns when frames are accepted"
        ) from None


def _check_room(taken: int, most_waiting: int) -> None:
    """Fails when more bytes are on the way than allowed, and reports how much room the transport needs."""
    assert taken <= most_waiting, (
        f"at most {most_waiting >> 20} MiB may be on the way to a receiver that does not keep up, and this lane had "
        f"{taken / (1 << 20):.1f} MiB: bound it; or, if it needs that much room, set `most_waiting` to {taken}"
    )


@pytest.mark.asyncio
class Pressure(LaneTests):
    """Bounds, drain, priorities."""

    async def test_a_lane_that_is_full_says_so(self, harness: Harness) -> None:
        pair = await harness.pair()
        taken = _fill(pair, self.flood_frames)
        assert taken, "a lane must take at least one frame before it is full"
        _check_room(taken * _FRAME, self.most_waiting)
        got = await pair.far_hears.have(taken, pair.guest)
        await pair.prove_it_works()
        assert [int.from_bytes(frame[:4], "big") for frame in got[:taken]] == list(range(taken))

    async def test_a_flood_to_a_slow_receiver_is_bounded_and_loses_nothing(self, harness: Harness) -> None:
        pair = await _slow_pair(harness)
        refused = worst = 0
        for number in range(self.flood_frames):
            frame = number.to_bytes(4, "big") * (_FRAME // 4)
            try:
                pair.near.send(pair.peer, frame)
            except LaneFull:
                refused += 1
                worst = max(worst, number - len(pair.far_hears.frames(pair.guest)))
                async with asyncio.timeout(self.patience):
                    await pair.near.drain(pair.peer)
                _send_drained(pair, frame)
        assert refused, "the lane never said that it is full"
        _check_room(worst * _FRAME, self.most_waiting)
        got = await pair.far_hears.have(self.flood_frames, pair.guest)
        assert [int.from_bytes(frame[:4], "big") for frame in got] == list(range(self.flood_frames))
        assert all(frame == frame[:4] * (_FRAME // 4) for frame in got)

    async def test_drain_returns_at_once_while_there_is_room(self, harness: Harness) -> None:
        pair = await harness.pair()
        pair.near.send(pair.peer, b"x")
        async with asyncio.timeout(self.patience):
            await pair.near.drain(pair.peer)

    async def test_drain_wakes_all_who_wait(self, harness: Harness) -> None:
        pair = await harness.pair()
        _fill(pair, self.flood_frames)
        async with asyncio.timeout(self.patience):
            await asyncio.gather(*(pair.near.drain(pair.peer) for _ in range(5)))
        pair.near.send(pair.peer, b"taken again")

    async def test_one_that_gives_up_waiting_for_room_leaves_the_others_alone(self, harness: Harness) -> None:
        pair = await harness.pair()
        _fill(pair, self.flood_frames)
        waiting = [asyncio.ensure_future(pair.near.drain(pair.peer)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        async with asyncio.timeout(self.patience):
            found = await asyncio.gather(*waiting, return_exceptions=True)
        assert found[1:] == [None, None], f"drain() of others ended with {found[1]!r}"
        _send_drained(pair, b"taken again")

    async def test_a_lost_peer_ends_the_wait(self, harness: Harness) -> None:
        pair = await harness.pair()
        _fill(pair, self.flood_frames)
        waiting = asyncio.ensure_future(pair.near.drain(pair.peer))
        await asyncio.sleep(0)
        pair.near.abort()
        with pytest.raises(Unavailable):
            async with asyncio.timeout(self.patience):
                await waiting

    async def test_one_full_lane_does_not_hold_up_others(self, harness: Harness) -> None:
        full = await harness.pair()
        other = await harness.join(full.far, full.far_hears, full.address, full.endpoint, near=full.near)
        _fill(full, self.flood_frames)
        await other.prove_it_works()

    async def test_urgent_frames_overtake_what_has_not_left(self, harness: Harness) -> None:
        pair = await harness.pair()
        slow = [b"%04d" % number + bytes(40_000) for number in range(200)]
        for frame in slow:
            pair.near.send(pair.peer, frame, priority=4)
        pair.near.send(pair.peer, b"urgent 1", priority=0)
        pair.near.send(pair.peer, b"soon", priority=1)
        pair.near.send(pair.peer, b"urgent 2", priority=0)
        got = await pair.far_hears.have(203, pair.guest)
        quick = [frame for frame in got if len(frame) < 10]
        assert quick == [b"urgent 1", b"urgent 2", b"soon"]
        assert got.index(b"soon") < 202, "the urgent frames came last"
        assert [frame for frame in got if len(frame) > 10] == slow, "the order within a priority was lost"

    async def test_large_frames_of_two_priorities_do_not_mix(self, harness: Harness) -> None:
        pair = await harness.pair()
        one, other = b"1" * 2_000_000, b"2" * 2_000_000
        pair.near.send(pair.peer, one, priority=4)
        await asyncio.sleep(0)
        pair.near.send(pair.peer, other, priority=0)
        assert sorted(await pair.far_hears.have(2, pair.guest)) == [one, other]
