"""Watches: who wants to know when a particle changes (universe 4.3, Watchers).

A watch lives on the machine of whoever watches, and moves along when a particle that watches does. Changes of
state, properties and children come from the change feed, which every machine reads anyway, so it does not matter
where the watched particle lives or moves to. States are put into the feed, and log lines sent, only while somebody
watches: all machines are told so for a few seconds at a time, because the particle may come to life on any of them
with its next wave.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ...contracts.registry import Change, ChangeKind
from ...errors import BadRequest, HyperverseError, TooMany, did_you_mean
from ...universe.address.point import Point, RouteKind
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Method, Signal, Watchers
from ..delivery.star_requests import ask_star

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["ASPECTS", "Watches"]

_log = logging.getLogger("hyperverse.watch")
ASPECTS = ("Log", "State", "Property", "Child")
_OF_CHANGE = {ChangeKind.STATE: "State", ChangeKind.PROPERTIES: "Property"}
_MARKED = 6.0
_RENEW = 2.0
_MOST = 10_000
_CHANGED = Method.parse("Ext<Changed>")


_Watch: TypeAlias = tuple[Point, str, Point]
"""What is watched, which aspect, and who watches."""


class Watches:
    """The watches of this machine, and which of its particles are watched."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._watches: dict[tuple[Point, str], dict[Point, None]] = {}
        self._watching: dict[Point, dict[tuple[Point, str], None]] = {}
        self._states: dict[Point, float] = {}
        self._logs: dict[Point, dict[Point, float]] = {}
        self._look = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None

    # -- the watcher's side -------------------------------------------------------------------------------

    def add(self, point: Point, aspect: str, watcher: Point) -> None:
        """From now on ``watcher`` gets a Signal ``Ext<Changed>`` when ``aspect`` of ``point`` changes.

        Raises BadRequest when there is no such aspect, TooMany beyond 10,000 watches."""
        if aspect not in ASPECTS:
            near = did_you_mean(aspect, ASPECTS)
            raise BadRequest(f"a particle has no {aspect!r} to watch{near}", hint=f"known: {', '.join(ASPECTS)}")
        if len(self._watches) >= _MOST:
            raise TooMany(f"{_MOST} particles are watched from here already")
        self._watches.setdefault((point, aspect), {})[watcher] = None
        self._watching.setdefault(watcher, {})[point, aspect] = None
        if aspect in ("State", "Log"):
            self._later(self._tell([(point, aspect, watcher)]))
            if self._renewing is None:
                self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="renew watches")

    def remove(self, watcher: Point) -> None:
        """Ends everything that ``watcher`` watches."""
        logs = [(point, aspect, watcher) for point, aspect in self._watching.get(watcher, ()) if aspect == "Log"]
        self._drop(watcher)
        if logs:
            self._later(self._tell(logs, 0.0))

    def _drop(self, watcher: Point) -> None:
        for key in self._watching.pop(watcher, ()):
            watchers = self._watches[key]
            del watchers[watcher]
            if not watchers:
                del self._watches[key]

    async def watchers(self, to: Watchers) -> list[Point]:
        """Points of those who watch from this machine."""
        return list(self._watches.get((to.point, to.aspect), ()))

    def changed(self, change: Change) -> None:
        """Something has changed: those who watch are told."""
        if not self._watches:
            return
        aspect = _OF_CHANGE.get(change.kind)
        if aspect is not None:
            self._notify(change.point, aspect, {"point": change.point.text, "change": str(change.kind)})
        elif change.kind in (ChangeKind.REGISTERED, ChangeKind.DELETED):
            if change.point.parent is not None:
                body = {"point": change.point.text, "change": str(change.kind)}
                self._notify(change.point.parent, "Child", body)
        elif change.kind is ChangeKind.ASSIGNED:
            told = [
                (change.point, what, watcher)
                for what in ("State", "Log")
                for watcher in self._watches.get((change.point, what), ())
            ]
            if told:  # it has moved, perhaps to a machine that has just come and knows nothing yet
                self._later(self._tell(told))
            if change.point in self._watching:
                self._later(self._follow(change.point))

    async def _follow(self, watcher: Point) -> None:
        """A particle that watches has found a home: when that is on another machine, its watches go there."""
        try:
            assignment = (await self.machine.registry.record(watcher)).assignment
        except HyperverseError as exc:
            _log.info("the watches of %s stay here: %s", watcher, exc)
            return
        if assignment is not None and assignment.star not in self.machine.stars:
            await self._hand_over(watcher, assignment.star, 10.0)

    async def _hand_over(self, watcher: Point, star: StarKey, wait: float) -> bool:
        """Whether the machine of ``star`` has taken all that ``watcher`` watches."""
        watches = [[point.text, aspect] for point, aspect in self._watching.get(watcher, ())]
        body = {"watcher": watcher.text, "watches": watches}
        reply = await ask_star(self.machine.machine_star, star, "Hyp<Host>", body, wait=wait)
        if reply.ok:
            self._drop(watcher)
        else:
            _log.warning("the watches of %s stay here: %s", watcher, reply.error)
        return reply.ok

    async def leave(self) -> None:
        """This machine stops: what particles watch from here, another machine takes over. Clients end with us."""
        others = [StarKey("machine", name, 0) for name in sorted(self.machine.membership.machines())]
        for watcher in [point for point in self._watching if point.route.kind is not RouteKind.STAR]:
            for other in list(others):
                if await self._hand_over(watcher, other, 1.0):
                    break
                others.remove(other)

    def _notify(self, point: Point, aspect: str, body: dict[str, Any]) -> None:
        for watcher in self._watches.get((point, aspect), ()):
            self._later(self._signal(watcher, {**body, "aspect": aspect, "watched": point.text}))

    async def _signal(self, watcher: Point, body: dict[str, Any]) -> None:
        star = self.machine.machine_star
        wave = Signal(watcher, _CHANGED, body, sender=star.point, agent=star.point)
        wave.id, wave.origin = star.new_id(), star.text
        reply = await star.notify(wave)
        if reply.status == 404:
            self.remove(watcher)
        elif not reply.ok:
            _log.warning("watcher %s was not told: %s", watcher, reply.error)

    async def _tell(self, watches: Sequence[_Watch], seconds: float = _MARKED) -> None:
        """Tells all machines that these are watched for so many seconds more."""
        own = self.machine.machine_star
        stars = [own.key, *(StarKey("machine", name, 0) for name in self.machine.membership.machines())]
        told = [[point.text, aspect, watcher.text] for point, aspect, watcher in watches]
        body = {"watches": told, "seconds": seconds}
        replies = await asyncio.gather(*(ask_star(own, star, "Hyp<State>", body, wait=_RENEW) for star in stars))
        for star, reply in zip(stars, replies, strict=True):
            if not reply.ok:
                _log.info("%s was not told what is watched: %s", star, reply.error)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW)
            watches = [
                (point, aspect, watcher)
                for (point, aspect), watchers in self._watches.items()
                if aspect in ("State", "Log")
                for watcher in watchers
            ]
            if watches:
                await self._tell(watches)

    # -- the side of what is watched ----------------------------------------------------------------------

    def mark(self, point: Point, aspect: str, watcher: Point, seconds: float) -> None:
        """A particle that may come to live here is watched for so long."""
        now = asyncio.get_running_loop().time()
        if now >= self._look:
            self._look = now + _MARKED
            self._forget(now)
        if aspect == "Log":
            self._logs.setdefault(point, {})[watcher] = now + seconds
            return
        until = self._states[point] = max(self._states.get(point, 0.0), now + seconds)
        live = self.machine.at_home(point)
        if live is not None:
            live.watched_until = max(live.watched_until, until)

    def _forget(self, now: float) -> None:
        """Drops the marks that have run out."""
        self._states = {point: until for point, until in self._states.items() if until > now}
        for point, watchers in list(self._logs.items()):
            left = {watcher: until for watcher, until in watchers.items() if until > now}
            self._logs[point] = left
            if not left:
                del self._logs[point]

    def state_until(self, point: Point) -> float:
        """Until when the states of a particle are watched: time of the loop, 0 when nobody watches them."""
        return self._states.get(point, 0.0) if self._states else 0.0

    def logged(self, point: Point, level: str, text: str) -> None:
        """A particle has written a line to its log."""
        watchers = self._logs.get(point)
        if watchers is None:
            return
        now = asyncio.get_running_loop().time()
        body = {"watched": point.text, "aspect": "Log", "point": point.text, "level": level, "text": text}
        for watcher in [watcher for watcher, until in watchers.items() if until > now]:
            self._later(self._signal(watcher, body))

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends all watches."""
        self._watches.clear()
        self._watching.clear()
        tasks = [*self._tasks, *((self._renewing,) if self._renewing else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
