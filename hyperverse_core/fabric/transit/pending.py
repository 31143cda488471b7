"""Requests to other machines that are waiting for their answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import Unavailable

__all__ = ["PendingAnswers"]


class PendingAnswers:
    """The table of waiting requests, by number, each with the machine whose lane it took and the star of the request.

    Attributes:
        numbers: yields the numbers of new requests, each used once.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.numbers = itertools.count(1)
        self._waiting: dict[int, tuple[asyncio.Future[Any], str, float, str]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, number: int, machine: str, now: float, star: str) -> asyncio.Future[Any]:
        """Adds a request to ``star`` that left at ``now`` by the lane to ``machine``; the returned future is for its
        answer."""
        future: asyncio.Future[Any] = self.loop.create_future()
        self._waiting[number] = (future, machine, now, star)
        return future

    def remove(self, number: int) -> None:
        """Removes a request for which nobody waits any more."""
        self._waiting.pop(number, None)

    def settle(self, number: int, answer: object) -> None:
        """Handles an answer. A late answer for a removed request is ignored."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None and not waiting[0].done():
            waiting[0].set_result(answer)

    def answered(
        self, number: int, answer: object, machine: str, passed: Sequence[str], machine_of: Mapping[str, str]
    ) -> bool:
        """Handles an answer from a lane. Returns whether it came from the machine that got the request, because no
        other may answer it.

        Args:
            number: number of the request.
            answer: the answer.
            machine: the machine on whose lane it arrived.
            passed: the machines that forwarded it before.
            machine_of: the machine of each star.
        """
        waiting = self._waiting.get(number)
        if waiting is None:
            return True  # it arrived too late
        _, lane, _, star = waiting
        if machine != lane:
            owner = machine_of.get(star, lane)
            # A request that went through other machines may also be answered through others.
            if machine != owner and (lane == owner or not passed or passed[0] != owner):
                return False
        del self._waiting[number]
        if not waiting[0].done():
            waiting[0].set_result(answer)
        return True

    def lane_lost(self, machine: str, cause: str) -> None:
        """Called when the lane to a machine is lost. It is unknown whether the requests that were sent over it ran."""
        for number, (_, lane, _, _) in list(self._waiting.items()):
            if lane == machine:
                self.settle(number, _lane_lost(machine, cause))

    async def last_answers(self, machine: str, cause: str, seconds: float) -> None:
        """Called when a machine has left. Requests may still get its answers for that many seconds; then they end
        without an answer."""
        waiting = {number: future for number, (future, lane, _, _) in self._waiting.items() if lane == machine}
        if waiting:
            await asyncio.wait(waiting.values(), timeout=seconds)
        for number in waiting:
            self.settle(number, _lane_lost(machine, cause))

    def machines(self) -> list[str]:
        """Returns, for each waiting request, the machine whose lane it took."""
        return [lane for _, lane, _, _ in self._waiting.values()]

    def waits(self) -> dict[str, tuple[int, float]]:
        """Returns, for each machine, how many requests wait for its answers, and for how many seconds the oldest has
        waited."""
        now, found = self.loop.time(), dict[str, tuple[int, float]]()
        for _, lane, since, _ in self._waiting.values():
            count, oldest = found.get(lane, (0, 0.0))
            found[lane] = (count + 1, max(oldest, now - since))
        return found

    async def close(self) -> None:
        """Ends all waiting requests."""
        for number in list(self._waiting):
            self.settle(number, Unavailable("this machine is stopping"))


def _lane_lost(machine: str, cause: str) -> Unavailable:
    return Unavailable(f"the lane to machine {machine!r} was lost: {cause}", retry_after=0.2)
