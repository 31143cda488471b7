"""Arrivals: waves that wait at the gate of a particle go in in the order in which they came.

A wave whose permission is known goes in at once, one whose permission is not waits for the policy. So that it is not
overtaken by a later wave of the same sender, that one waits behind it, whatever it needs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol, TypeAlias

from ...universe.waves.wave import Directed
from ..particles.letters import NOBODY, AllowAll

__all__ = ["Arrival", "Arrivals", "Entrance"]


class Entrance(Protocol):
    """A particle, as far as its arrivals know it.

    Attributes:
        allowed: the permission letters that each agent has. While a wave waits, nobody has any, so that every wave
            comes to the gate.
    """

    allowed: dict[str, str]


_Key: TypeAlias = tuple[Entrance, str, int]
"""The particle, the sender and the priority of the waves that keep an order among themselves."""


class Arrivals:
    """The waves that wait, for all particles of a machine.

    Args:
        covered: empty; written here.

    Attributes:
        covered: the letters of the particles at which waves wait, until none does.
    """

    def __init__(self, covered: dict[Entrance, dict[str, str]]) -> None:
        self.covered = covered
        self._lines: dict[_Key, deque[Arrival]] = {}
        self._waiting: dict[Entrance, int] = {}
        self._gone_in: Directed | None = None

    def join(self, particle: Entrance, wave: Directed) -> Arrival:
        """A wave has to wait: behind the others, or before them if it has just gone in and the policy has to be asked
        for something else. It has to leave, whatever happens."""
        key = (particle, wave.sender.text, int(wave.handling.priority))
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = deque()
        arrival = Arrival(key, line, wave)
        if wave is self._gone_in:
            line.appendleft(arrival)
        else:
            line.append(arrival)
        waiting = self._waiting.get(particle, 0)
        self._waiting[particle] = waiting + 1
        if not waiting and type(particle.allowed) is not AllowAll:
            self.covered[particle] = particle.allowed
            particle.allowed = NOBODY
        return arrival

    def leave(self, arrival: Arrival) -> None:
        """The wave goes in now, or goes away."""
        line, key = arrival.line, arrival.key
        particle = key[0]
        if line[0] is arrival:
            line.popleft()
            self._gone_in = arrival.wave if line else None  # nobody it could come behind: it need not be kept
            if line:
                line[0].wake()
            else:
                del self._lines[key]
        else:
            line.remove(arrival)
        left = self._waiting[particle] - 1
        if left:
            self._waiting[particle] = left
            return
        del self._waiting[particle]
        letters = self.covered.pop(particle, None)
        if letters is not None:
            particle.allowed = letters


class Arrival:
    """The place of one wave in its line.

    Attributes:
        key: of the line.
        line: the waves of the line that wait, the earliest first.
        wave: the wave.
    """

    __slots__ = ("_turn", "key", "line", "wave")

    def __init__(self, key: _Key, line: deque[Arrival], wave: Directed) -> None:
        self._turn: asyncio.Future[None] | None = None
        self.key = key
        self.line = line
        self.wave = wave

    async def turn(self) -> None:
        """Returns when the waves before have gone in, or away."""
        while self.line[0] is not self:
            self._turn = asyncio.get_running_loop().create_future()
            await self._turn

    def wake(self) -> None:
        """It is the first now."""
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)
