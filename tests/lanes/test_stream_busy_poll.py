"""The transport `stream` looks for an answer before its event loop sleeps, as long as that pays."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from hyperverse_core.errors import ConfigError
from hyperverse_core.transport import Endpoint, Peer
from hyperverse_stream.busy_poll import BusyPoll
from hyperverse_stream.transport import StreamTransport
from patience import PATIENCE

WINDOW = 200e-6
LOOK = 3e-6
"""Seconds for one turn of the loop."""


class Process:
    """An event loop with a clock of its own: it counts looks, and can be told when an answer comes.

    Args:
        answer_after: seconds from a send to its answer.
        others_run: seconds for which others use the core when it is offered to them.
    """

    def __init__(self, *, answer_after: float, others_run: float = 0.5e-6, window: float = WINDOW) -> None:
        self.answer_after = answer_after
        self.others_run = others_run
        self.looks = 0
        self._now = 0.0
        self._ready: deque[Callable[[], None]] = deque()
        self.polling = BusyPoll(self, window, clock=lambda: self._now, offer_core=self._offer)  # type: ignore[arg-type]

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._ready.append(callback)

    def _offer(self) -> None:
        self.looks += 1
        self._now += self.others_run

    def send(self, after: float) -> None:
        """Sends something that is not answered, and runs the loop for a while."""
        due = self._now + after
        self.polling.begin()
        while self._ready and self._now < due:
            self._ready.popleft()()
            self._now += LOOK
        self._now = max(self._now, due)

    def ask(self) -> bool:
        """Sends something and runs the loop until its answer is there. Returns whether it was polled for."""
        due, before = self._now + self.answer_after, self.looks
        self.polling.begin()
        while self._ready and self._now < due:
            self._ready.popleft()()
            self._now += LOOK
        self._now = max(self._now, due)
        self.polling.arrived += 1
        while self._ready:
            self._ready.popleft()()
        return self.looks > before


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)


def asked(process: Process, times: int) -> int:
    """How many of so many answers were polled for."""
    return sum(process.ask() for _ in range(times))


def test_answers_that_come_soon_are_polled_for() -> None:
    assert asked(Process(answer_after=40e-6), 1000) == 1000


def test_answers_that_take_longer_than_the_window_are_soon_polled_for_no_more() -> None:
    process = Process(answer_after=5 * WINDOW)
    assert 5 <= asked(process, 1000) <= 10
    assert asked(process, 40_000) <= 15


def test_a_look_that_gives_the_core_to_others_does_not_pay() -> None:
    process = Process(answer_after=60e-6, others_run=50e-6)
    assert asked(process, 1000) <= 10
    assert process.looks <= 10


def test_a_process_that_only_sends_soon_polls_no_more() -> None:
    process = Process(answer_after=40e-6)
    for _ in range(1000):
        process.send(after=WINDOW / 2)
    assert process.looks < 1000


def test_one_slow_answer_among_many_quick_ones_changes_nothing() -> None:
    process = Process(answer_after=40e-6)
    asked(process, 100)
    process.answer_after = 2 * WINDOW
    asked(process, 1)
    process.answer_after = 40e-6
    assert asked(process, 100) == 100


def test_polling_begins_again_when_it_pays_again() -> None:
    process = Process(answer_after=2 * WINDOW)
    asked(process, 2000)
    process.answer_after = 40e-6
    assert asked(process, 10_000) > 5000
    process.answer_after = 2 * WINDOW
    assert asked(process, 5) == 5  # those before have paid
    assert asked(process, 1000) <= 10


def test_it_never_polls_on_a_single_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1}, raising=False)
    assert asked(Process(answer_after=40e-6), 100) == 0


def test_a_window_of_zero_never_polls() -> None:
    assert asked(Process(answer_after=40e-6, window=0.0), 100) == 0


def test_an_ended_transport_polls_no_more() -> None:
    process = Process(answer_after=40e-6)
    assert asked(process, 10) == 10
    process.polling.end()
    assert asked(process, 10) == 0


class Answering:
    """Answers every frame with itself."""

    def __init__(self, transport: StreamTransport, answer: bool) -> None:
        self._transport, self._answer = transport, answer
        self.frames: asyncio.Queue[bytes] = asyncio.Queue()

    def lane_up(self, peer: Peer) -> None: ...

    def lane_down(self, peer: Peer, reason: str) -> None: ...

    def lane_frames(self, peer: Peer, frames: Any) -> None:
        for frame in frames:
            if self._answer:
                self._transport.send(peer, frame)
            else:
                self.frames.put_nowait(frame)


async def test_the_loop_is_awake_while_an_answer_is_expected_and_asleep_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[None] = []
    monkeypatch.setattr(BusyPoll, "_look", _counted(BusyPoll._look, looks))
    server = StreamTransport({"busy_poll": 0.01})
    client = StreamTransport({"busy_poll": 0})
    identity = server.new_identity()
    address = await server.open(Endpoint("b", "", identity), Answering(server, answer=True))
    heard = Answering(client, answer=False)
    try:
        async with asyncio.timeout(PATIENCE):
            peer = await client.connect(address, heard, server_key=identity.public)
            assert not looks
            client.send(peer, b"ping")
            assert await heard.frames.get() == b"ping"
            before = -1
            while before != len(looks):  # until nothing is looked for any more
                before = len(looks)
                await asyncio.sleep(0.05)
            assert before
    finally:
        await client.close()
        await server.close()


def _counted(look: Callable[[BusyPoll], None], looks: list[None]) -> Callable[[BusyPoll], None]:
    def counted(self: BusyPoll) -> None:
        looks.append(None)
        look(self)

    return counted


@pytest.mark.parametrize("value", [-0.0001, 0.5, True, "0.001", float("nan"), float("inf")])
def test_a_window_that_cannot_be_right_is_refused(value: object) -> None:
    with pytest.raises(ConfigError) as refused:
        StreamTransport({"busy_poll": value})
    assert f"busy_poll = {value!r}: must be a number of seconds from 0 to 0.01" in str(refused.value)
