"""Ripples: one wave to many recipients, grouped by star, echoes gathered.

Recipients on this machine are handled by the crew, each in the task of whichever worker is free; one timer ends
all that have not answered. For recipients on another machine one transport goes to their star, which does the
same there and sends the echoes back together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from ..errors import HyperverseError, Unavailable
from ..universe.point import Point
from ..universe.selector import Selector
from ..universe.wave import Echo, Outcome, Pong, Ripple, Stars, Watchers
from .gravity import Place

if TYPE_CHECKING:
    from .star import Star

__all__ = ["gather_here", "spread", "to_echo"]

_PAGE = 1000
_SHARED = frozenset({dict, list, tuple})


def to_echo(reply: Pong, point: Point) -> Echo:
    """The echo of ``point`` that says the same as ``reply``."""
    if type(reply) is not Echo:
        reply.__class__ = Echo  # they have the same fields, and nobody else has this one
    reply.sender = point
    return reply  # type: ignore[return-value]  # it is one now


def own_copy(body: Any) -> Any:
    """A body that shares no list or map with ``body``: each recipient may do with its own what it likes."""
    if type(body) is dict:
        return {key: own_copy(value) for key, value in body.items()}
    if type(body) is list or type(body) is tuple:
        return [own_copy(value) for value in body]
    return body


async def spread(star: Star, wave: Ripple) -> list[Echo]:
    """Delivers a Ripple and returns the echoes, in the order in which they came."""
    points = await _recipients(star, wave)
    if not points:
        return []
    gathering = _Gathering(star, wave, points)
    return await gathering.run()


async def _recipients(star: Star, wave: Ripple) -> list[Point]:
    to = wave.recipients
    machine = star.machine
    if isinstance(to, Stars):
        return machine.membership.star_points(to, star)
    if isinstance(to, Watchers):
        return await machine.watches.watchers(to)
    if not isinstance(to, Selector):
        return list(dict.fromkeys(to))
    found: list[Point] = []
    after = None
    while True:
        page = await machine.registry.select(to, after=after, limit=_PAGE)
        found += [record.point for record in page.records]
        after = page.after
        if after is None:
            return found


async def gather_here(star: Star, wave: Ripple, points: list[Point]) -> list[Echo]:
    """Delivers a Ripple that has come from another machine to its recipients."""
    return await _Gathering(star, wave, points).run()


class _Gathering:
    """One Ripple on its way."""

    def __init__(self, star: Star, wave: Ripple, points: list[Point]) -> None:
        self.star = star
        self.wave = wave
        self.open = dict.fromkeys(points)
        self.wanted = len(points) if wave.count is None else min(wave.count, len(points))
        self.echoes: list[Echo] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.here: deque[tuple[Point, Place | None]] = deque()
        self.over = False
        self.done: asyncio.Future[None] = star.loop.create_future()

    async def run(self) -> list[Echo]:
        loop = self.star.loop
        begun = loop.time()
        timer = loop.call_at(self.wave.deadline, self._end) if self.wave.deadline < float("inf") else None
        try:
            await self._send()
            if not self.done.done():
                await self.done
        finally:
            if timer is not None:
                timer.cancel()
            self._stop()
        missing = () if self.wave.count is not None and len(self.echoes) >= self.wanted else tuple(self.open)
        late = {"error": f"no answer after {self.wave.deadline - begun:g} s"}
        return self.echoes + [Echo(408, late, p, Outcome.UNKNOWN, self.wave.id) for p in missing]

    async def _send(self) -> None:
        places = self.star.machine.gravity.places
        crew = self.star.machine.crew
        far: dict[str, list[Point]] = {}
        for point in tuple(self.open):
            place = places.get(point.text)
            if place is not None and place.remote:
                far.setdefault(place.star.text, []).append(point)
                continue
            self.here.append((point, place))
        try:
            crew.put(self._next_ones)
        except Unavailable as exc:
            for point, _ in self.here:
                self._take(to_echo(self.star.refusal(self.wave, exc), point))
            self.here.clear()
        for group in far.values():
            crew.put_accepted(self._many, group, places[group[0].text])

    def _copy(self, point: Point) -> Ripple:
        w = self.wave
        body = w.body
        return Ripple(
            point,
            w.method,
            own_copy(body) if type(body) in _SHARED else body,
            w.path,
            w.headers,
            w.sender,
            w.agent,
            w.scope,
            w.handling,
            w.deadline,
            w.chain,
            w.hops,
            w.id,
            w.topic,
            w.origin,
        )

    async def _next_ones(self) -> None:
        """One recipient after the other, in the task of a worker, for as long as none waits. When one does, the next
        worker goes on with the others."""
        here = self.here
        if self.over or not here:
            return
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.star.machine.crew.put_accepted(self._next_ones)
        try:
            while here and not self.over:
                point, place = here.popleft()
                await self._one(point, place)
        except asyncio.CancelledError:
            if self.over and task.uncancel() == 0:
                return  # the ripple is over, and the worker goes on with the next job
            raise
        finally:
            self.tasks.discard(task)

    async def _one(self, point: Point, place: Place | None) -> None:
        try:
            if place is None:
                place = await self.star.machine.gravity.locate(point)
                if place.remote:
                    await self._many([point], place)
                    return
            copy = self._copy(point)
            if place.star is not self.star:
                copy.hops += self.star.distances.get(place.star.text, 0)
            reply = await place.receive(copy)
        except HyperverseError as exc:
            reply = self.star.refusal(self.wave, exc)
        self._take(to_echo(reply, point))

    async def _many(self, points: list[Point], place: Place) -> None:
        """All recipients of one far star, in one transport."""
        for echo in await self.star.machine.exchange.spread(place, self.wave, points):
            self._take(echo)

    def _take(self, echo: Echo) -> None:
        if self.over or echo.sender not in self.open:
            return
        del self.open[echo.sender]
        self.echoes.append(echo)
        if len(self.echoes) >= self.wanted:
            self._end()

    def _end(self) -> None:
        self.over = True
        if not self.done.done():
            self.done.set_result(None)

    def _stop(self) -> None:
        """Nobody waits any more: handlers that have not finished are cut."""
        self.over = True
        for task in self.tasks:
            task.cancel()
