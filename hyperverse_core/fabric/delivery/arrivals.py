"""Arrivals: waves that wait at the gate of a particle enter in the order of their arrival.

A wave whose permission is known enters immediately; a wave whose permission is unknown waits for the policy. A later
wave of the same sender must not overtake it, so the later wave waits behind it, whatever it needs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol, TypeAlias

from ...universe.waves.wave import Directed
from ..particles.letters import NOBODY, AllowAll

__all__ = ["Arrival", "Arrivals", "Entrance"]


class Entrance(Protocol):
    """The part of a particle that its arrivals use.

    Attributes:
        allowed: the permission letters of each agent. While a wave waits, no agent has any, so that every wave goes
            through the gate.
    """

    allowed: dict[str, str]


_Key: TypeAlias = tuple[Entrance, str, int]
"""The key of a line: waves of the same particle, sender and priority keep their order."""


class Arrivals:
    """The waiting waves of all particles of a machine.

    Args:
        covered: an empty dict, written here.

    Attributes:
        covered: the letters of particles at which waves wait.
    """

    def __init__(self, covered: dict[Entrance, dict[str, str]]) -> None:
        self.covered = covered
        self._lines: dict[_Key, deque[Arrival]] = {}
        self._waiting: dict[Entrance, int] = {}
        self._gone_in: Directed | None = None

    def join(self, particle: Entrance, wave: Directed) -> Arrival:
        """Adds a wave that must wait to its line: behind the others, or ahead of them if it has just entered and the
        policy must be asked again. The caller must call `leave` in any case."""
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
        """Removes a wave that enters now, or gives up."""
        line, key = arrival.line, arrival.key
        particle = key[0]
        if line[0] is arrival:
            line.popleft()
            self._gone_in = arrival.wave if line else None  # no other wave waits, so it need not be kept
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
        key: key of the line.
        line: the waiting waves of the line, the earliest first.
        wave: the wave.
    """

    __slots__ = ("_turn", "key", "line", "wave")

    def __init__(self, key: _Key, line: deque[Arrival], wave: Directed) -> None:
        self._turn: asyncio.Future[None] | None = None
        self.key = key
        self.line = line
        self.wave = wave

    async def turn(self) -> None:
        """Returns once the earlier waves have entered or left the line."""
        while self.line[0] is not self:
            self._turn = asyncio.get_running_loop().create_future()
            await self._turn

    def wake(self) -> None:
        """Wakes the wave, which is now the first."""
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)
