"""What goes into an outbox comes out of an unpacker, whatever the sizes, the pieces and the priorities."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperverse_core.errors import BadRequest, LaneFull, ProtocolError, Unavailable
from hyperverse_core.lanes import Outbox, Unpacker, pack
from patience import PATIENCE

frames = st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 4)), max_size=40)


@given(frames, st.integers(1, 100), st.integers(1, 300))
def test_frames_come_out_as_they_went_in(sent: list[tuple[bytes, int]], piece: int, budget: int) -> None:
    outbox, unpacker, got = Outbox(piece=piece), Unpacker(200), []
    for frame, priority in sent:
        outbox.put(frame, priority)
    while outbox:
        got += unpacker.frames(pack(b"head", *outbox.take(budget)), 4)
    assert got == [frame for wanted in range(5) for frame, priority in sent if priority == wanted]
    assert (outbox.frames_waiting, outbox.bytes_waiting) == (0, 0)


@given(frames, frames, st.integers(1, 50))
def test_urgent_frames_may_come_between_the_pieces_of_others(
    first: list[tuple[bytes, int]], later: list[tuple[bytes, int]], piece: int
) -> None:
    outbox, unpacker, got = Outbox(piece=piece), Unpacker(200), []
    for batch in (first, later):
        for frame, priority in batch:
            outbox.put(frame, priority)
        got += unpacker.frames(pack(b"", *outbox.take(100)))
    while outbox:
        got += unpacker.frames(pack(b"", *outbox.take(100)))
    assert sorted(got) == sorted(frame for frame, _ in first + later)


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 4)) | st.integers(1, 60), max_size=40))
def test_a_lone_frame_is_taken_as_the_others_are(steps: list[tuple[bytes, int] | int]) -> None:
    """A number is a take of so many bytes; a frame is put."""
    plain, lone = Outbox(piece=20), Outbox(piece=20)
    for step in steps:
        if not isinstance(step, int):
            plain.put(*step)
            lone.put(*step)
            continue
        alone = lone.take_lone()
        taken = lone.take(step) if alone is None else ([alone[0]], [alone[1]])
        assert taken == plain.take(step)
        assert (lone.frames_waiting, lone.bytes_waiting) == (plain.frames_waiting, plain.bytes_waiting)
        assert alone is None or not lone


def test_what_leaves_alone_makes_room_for_who_waits_for_it() -> None:
    async def run() -> None:
        outbox = Outbox(max_frames=1)
        outbox.put(b"x")
        with pytest.raises(LaneFull):
            outbox.put(b"y")
        waiting = asyncio.ensure_future(outbox.drained())
        await asyncio.sleep(0)
        assert outbox.take_lone() is not None
        await asyncio.wait_for(waiting, PATIENCE)
        assert outbox.take_lone() is None

    asyncio.run(run())


@given(st.binary(max_size=300), st.integers(0, 8))
def test_noise_is_refused_or_read_but_never_breaks(noise: bytes, start: int) -> None:
    try:
        got = Unpacker(100).frames(noise, start)
    except ProtocolError:
        return
    assert sum(map(len, got)) <= len(noise)


def test_a_frame_larger_than_the_limit_is_refused_in_one_piece_and_in_many() -> None:
    for piece in (1000, 30):
        outbox, unpacker = Outbox(piece=piece), Unpacker(100)
        outbox.put(bytes(101))
        with pytest.raises(ProtocolError, match="larger than 100"):
            unpacker.frames(pack(b"", *outbox.take(10_000)))


def test_pieces_take_no_more_memory_than_their_bytes() -> None:
    unpacker, one = Unpacker(1_000_000), pack(b"", [1 << 4 | 1] * 10_000, [b"x"] * 10_000)
    tracemalloc.start()
    try:
        for _ in range(50):
            assert unpacker.frames(one) == []
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()
    assert unpacker.frames(pack(b"", [1 << 4], [b"y"])) == [b"x" * 500_000 + b"y"]


def test_an_empty_piece_that_is_not_the_last_is_refused() -> None:
    with pytest.raises(ProtocolError, match="empty"):
        Unpacker(100).frames(pack(b"", [1, 0], [b"", b""]))


def test_unfinished_frames_are_bounded_over_all_priorities() -> None:
    unpacker = Unpacker(100)
    unpacker.most_begun = 100
    words = [60 << 4 | priority << 1 | 1 for priority in (0, 1)]
    with pytest.raises(ProtocolError, match="unfinished"):
        unpacker.frames(pack(b"", words, [bytes(60), bytes(60)]))


def test_an_outbox_counts_frames_and_bytes() -> None:
    outbox = Outbox(max_frames=3, max_bytes=100)
    outbox.put(bytes(1000))
    with pytest.raises(LaneFull, match="1 frames"):
        outbox.put(b"x")
    outbox.take(1)
    for _ in range(3):
        outbox.put(b"x")
    with pytest.raises(LaneFull):
        outbox.put(b"")
    with pytest.raises(BadRequest, match="no priority 5"):
        Outbox().put(b"x", 5)


async def test_who_waits_wakes_when_the_refused_frame_fits() -> None:

    outbox = Outbox(max_bytes=100)
    outbox.put(bytes(90))
    outbox.put(b"")
    with pytest.raises(LaneFull):
        outbox.put(bytes(95))
    waiting = asyncio.ensure_future(outbox.drained())
    await asyncio.sleep(0)
    outbox.take(1)
    await asyncio.sleep(0)
    assert waiting.done()
    outbox.put(bytes(95))


async def test_the_end_of_a_lane_ends_the_wait() -> None:

    outbox = Outbox(max_frames=1)
    outbox.put(b"")
    with pytest.raises(LaneFull):
        outbox.put(b"")
    waiting = asyncio.ensure_future(outbox.drained())
    await asyncio.sleep(0)
    outbox.fail(Unavailable("gone"))
    with pytest.raises(Unavailable, match="gone"):
        await waiting
    assert not outbox
