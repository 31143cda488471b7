"""What the gate remembers: replies that may be asked for again, and sessions."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from hyperverse_core import Point, Pong
from hyperverse_core.control.room import Room
from hyperverse_core.errors import Forbidden, NotFound, TooMany
from hyperverse_core.fabric.recent import Recent
from hyperverse_core.fabric.shell import CliSessions

OWNER = Point.parse("localhost:fae")
OTHER = Point.parse("localhost:less")


async def test_the_first_handles_and_repeats_get_its_reply(clock: Any) -> None:
    recent = Recent(keep=60)
    assert recent.first("a") is None
    waiting = recent.first("a")
    assert waiting is not None and not waiting.done()
    recent.settle("a", Pong(200, 1))
    later = recent.first("a")
    assert waiting.result().body == 1 and later is not None and later.result().body == 1


async def test_what_did_not_reach_a_handler_is_handled_anew(clock: Any) -> None:
    recent = Recent()
    assert recent.first("a") is None
    waiting = recent.first("a")
    recent.settle("a", None)
    assert waiting is not None and waiting.cancelled()
    assert recent.first("a") is None


async def test_replies_are_forgotten_after_a_while_and_what_is_under_way_is_not(clock: Any) -> None:
    recent = Recent(keep=60)
    assert recent.first("slow") is None and recent.first("fast") is None
    recent.settle("fast", Pong(200))
    await clock.advance(61)
    assert recent.first("fast") is None
    assert recent.first("slow") is not None


async def test_it_stays_small(clock: Any) -> None:
    recent = Recent(keep=60, limit=100, max_bytes=1000)
    for number in range(1000):
        recent.first(str(number))
        recent.settle(str(number), Pong(200))
    assert len(recent) == 100
    for number in range(10):
        recent.first(f"big {number}")
        recent.settle(f"big {number}", Pong(200), size=400)
    assert len(recent) <= 3


async def test_a_session_is_its_owners(clock: Any) -> None:
    sessions = CliSessions(OWNER, random.Random(1))
    with pytest.raises(Forbidden):
        sessions.open(OTHER)
    session = sessions.open(OWNER)
    assert sessions.find(OWNER, str(session.surface.topic)) is session
    with pytest.raises(Forbidden):
        sessions.find(OTHER, str(session.surface.topic))
    with pytest.raises(NotFound):
        sessions.find(OWNER, "Topic<Uuid>(none)")


async def test_a_session_that_nobody_uses_for_an_hour_is_over(clock: Any) -> None:
    sessions = CliSessions(OWNER, random.Random(1))
    topic = str(sessions.open(OWNER).surface.topic)
    await clock.advance(3500)
    sessions.find(OWNER, topic)
    await clock.advance(3500)
    sessions.find(OWNER, topic)
    await clock.advance(3700)
    with pytest.raises(NotFound, match="no session"):
        sessions.find(OWNER, topic)


async def test_there_are_at_most_64_sessions(clock: Any) -> None:
    sessions = CliSessions(OWNER, random.Random(1))
    for _ in range(64):
        sessions.open(OWNER)
    with pytest.raises(TooMany):
        sessions.open(OWNER)


async def test_who_waits_for_room_goes_on_in_turn_one_at_a_time() -> None:
    room, order = Room(), []

    async def work(number: int) -> None:
        if not room.free:
            await room.turn()
        order.append(number)
        if number == 2:
            room.stuck()

    room.stuck()
    tasks = [asyncio.create_task(work(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert order == []
    tasks[1].cancel()
    room.unstuck()
    await asyncio.gather(tasks[0], tasks[2])
    for _ in range(5):
        await asyncio.sleep(0)
    assert order == [0, 2]
    room.unstuck()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [0, 2, 3, 4]
    await asyncio.sleep(0)
    assert room.free
