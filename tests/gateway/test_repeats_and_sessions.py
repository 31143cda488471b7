"""What the gate remembers: replies that may be asked for again, and sessions."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from hyperverse_core import Outcome, Point, Pong
from hyperverse_core.errors import Forbidden, NotFound, TooMany
from hyperverse_core.fabric.delivery.replay_cache import ReplayCache
from hyperverse_core.fabric.delivery.retry import may_repeat
from hyperverse_core.gateway.backpressure import Backpressure
from hyperverse_core.gateway.cli_sessions import CliSessions
from hyperverse_core.universe.waves.wave import Method, Ping

OWNER = Point.parse("localhost:ann")
OTHER = Point.parse("localhost:ben")


def wave(method: str = "Ext<Add>", wait: float = 15.0) -> Ping:
    deadline = asyncio.get_running_loop().time() + wait
    return Ping(OWNER, Method.parse(method), deadline=deadline, id="c-1")


async def test_the_first_handles_and_repeats_get_its_reply(clock: Any) -> None:
    recent = ReplayCache(keep=60)
    assert recent.first("a", wave()) is None
    waiting = recent.first("a", wave())
    assert waiting is not None and not waiting.done()
    recent.settle("a", Pong(200, 1))
    later = recent.first("a", wave())
    assert waiting.result().body == 1 and later is not None and later.result().body == 1


async def test_what_did_not_reach_a_handler_is_handled_anew(clock: Any) -> None:
    recent = ReplayCache()
    assert recent.first("a", wave()) is None
    waiting = recent.first("a", wave())
    recent.settle("a", None)
    assert waiting is not None and waiting.cancelled()
    assert recent.first("a", wave()) is None


async def test_replies_are_forgotten_after_a_while_and_what_is_under_way_is_not(clock: Any) -> None:
    recent = ReplayCache(keep=60)
    assert recent.first("slow", wave()) is None and recent.first("fast", wave()) is None
    recent.settle("fast", Pong(200))
    await clock.advance(61)
    assert recent.first("fast", wave()) is None
    assert recent.first("slow", wave()) is not None


@pytest.mark.parametrize("bounds", [{"limit": 1}, {"max_bytes": 100}, {"keep": 1.0}])
async def test_a_repeat_whose_reply_had_to_go_is_told_so_and_is_not_handled_again(
    clock: Any, bounds: dict[str, Any]
) -> None:
    recent = ReplayCache(**bounds)
    for key in "ab":
        assert recent.first(key, wave(wait=100.0)) is None
        recent.settle(key, Pong(200), size=90)
    await clock.advance(2)
    again = recent.first("a", wave())
    assert again is not None
    reply = again.result()
    assert (reply.status, reply.outcome, reply.id, reply.sender) == (503, Outcome.UNKNOWN, "c-1", OWNER)
    assert not may_repeat(reply)
    await clock.advance(97)
    assert recent.first("a", wave()) is not None
    await clock.advance(60)  # nobody repeats it any more
    assert recent.first("a", wave()) is None


async def test_what_may_run_twice_is_handled_again_when_its_reply_had_to_go(clock: Any) -> None:
    recent = ReplayCache(keep=1)
    assert recent.first("a", wave("Cmd<Read>", 100.0)) is None
    recent.settle("a", Pong(200))
    assert recent.first("a", wave("Cmd<Read>", 100.0)) is not None
    await clock.advance(2)
    assert recent.first("a", wave("Cmd<Read>", 98.0)) is None


async def test_a_new_wave_is_refused_rather_than_one_forgotten_that_may_be_repeated(clock: Any) -> None:
    recent = ReplayCache(limit=10, most=100)
    for number in range(100):
        asked = wave()
        asked.agent = Point.parse(f"localhost:user{number}")
        assert recent.first(str(number), asked) is None
        recent.settle(str(number), Pong(200))
    refused = recent.first("new", wave())
    assert refused is not None
    assert (refused.result().status, refused.result().outcome) == (503, Outcome.REJECTED)
    assert may_repeat(refused.result())
    assert len(recent) == 100
    await clock.advance(30)
    assert recent.first("new", wave()) is None


async def test_it_stays_small(clock: Any) -> None:
    recent = ReplayCache(keep=60, limit=100, max_bytes=1000)
    for number in range(1000):
        recent.first(str(number), wave())
        recent.settle(str(number), Pong(200))
    await clock.advance(30)
    recent.first("one more", wave())
    recent.settle("one more", Pong(200))
    assert len(recent) == 100
    for number in range(10):
        recent.first(f"big {number}", wave())
        recent.settle(f"big {number}", Pong(200), size=400)
    await clock.advance(30)
    assert recent.first("last", wave()) is None
    assert len(recent) <= 3


async def test_a_repeat_that_differs_is_a_conflict_also_when_its_reply_is_gone(clock: Any) -> None:
    recent = ReplayCache(limit=0)
    assert recent.first("a", wave()) is None
    under_way = recent.first("a", wave("Ext<Take>"))
    assert under_way is not None and under_way.result().status == 409
    recent.settle("a", Pong(200, 1))
    later = recent.first("a", wave("Ext<Take>"))
    assert later is not None and later.result().status == 409
    same = recent.first("a", wave())
    assert same is not None and same.result().status == 503


@pytest.mark.parametrize("greedy", [1, 3, 50])
async def test_however_many_take_what_they_can_there_is_room_for_another(clock: Any, greedy: int) -> None:
    recent = ReplayCache(limit=0, most=1000)

    def one_more(agent: str, number: int) -> int:
        asked = wave(wait=86_400.0)
        asked.agent = Point.parse(agent)
        first = recent.first(f"{agent} {number}", asked)
        recent.settle(f"{agent} {number}", Pong(200))
        return 200 if first is None else first.result().status

    for number in range(600):  # in turn
        for each in range(greedy):
            one_more(f"localhost:greedy{each}", number)
    assert one_more("localhost:greedy0", 1000) == 429
    assert one_more("localhost:another", 0) == 200
    assert len(recent) < 1000
    await clock.advance(86_400.0 + 20)
    assert one_more("localhost:greedy0", 1001) == 200
    assert len(recent) == 1
    for day in range(2, 5):  # waves of earlier days do not count any more
        assert {one_more("localhost:greedy0", day * 1000 + number) for number in range(400)} == {200}
        await clock.advance(86_400.0 + 20)


async def test_waves_that_reached_no_handler_take_no_room(clock: Any) -> None:
    recent = ReplayCache(most=10)
    for number in range(100):
        assert recent.first(str(number), wave()) is None
        recent.settle(str(number), None)


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
    room, order = Backpressure(), []

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
