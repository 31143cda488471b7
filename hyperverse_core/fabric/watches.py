"""Watches: who wants to know when a particle changes (universe 4.3, Watchers).

A watch lives on the machine of whoever watches. Changes of state, properties and children come from the change
feed, which every machine reads anyway, so it does not matter where the watched particle lives or moves to. States
are put into the feed, and log lines sent, only while somebody watches: the star that hosts the particle is told so
for a few seconds at a time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import attrs

from ..contracts.registry import Change, ChangeKind
from ..errors import BadRequest, HyperverseError, TooMany, did_you_mean
from ..universe.point import Point
from ..universe.wave import Method, Signal, Watchers
from .discovery import ask_star

if TYPE_CHECKING:
    from .machine import Machine

__all__ = ["ASPECTS", "Watches"]

_log = logging.getLogger("hyperverse.watch")
ASPECTS = ("Log", "State", "Property", "Child")
_OF_CHANGE = {ChangeKind.STATE: "State", ChangeKind.PROPERTIES: "Property"}
_MARKED = 6.0
_RENEW = 2.0
_MOST = 10_000
_CHANGED = Method.parse("Ext<Changed>")


@attrs.define(eq=False)
class _Mark:
    """Somebody watches a particle here until then."""

    until: float
    watchers: dict[Point, float] = attrs.field(factory=dict)


class Watches:
    """The watches of this machine, and which of its particles are watched."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._watches: dict[tuple[Point, str], dict[Point, None]] = {}
        self._logs: dict[Point, _Mark] = {}
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
        if aspect in ("State", "Log"):
            self._later(self._tell(point, aspect, watcher))
            if self._renewing is None:
                self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="renew watches")

    def remove(self, watcher: Point) -> None:
        """Ends everything that ``watcher`` watches."""
        for key, watchers in list(self._watches.items()):
            watchers.pop(watcher, None)
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
            for what in ("State", "Log"):  # it has moved: tell its new star
                for watcher in self._watches.get((change.point, what), ()):
                    self._later(self._tell(change.point, what, watcher))

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

    async def _tell(self, point: Point, aspect: str, watcher: Point) -> None:
        """Tells the star that hosts ``point`` that it is watched; one that lives nowhere cannot change."""
        try:
            record = await self.machine.registry.record(point)
            if record.assignment is None:
                return
            body = {"point": point.text, "aspect": aspect, "watcher": watcher.text, "seconds": _MARKED}
            await ask_star(self.machine.machine_star, record.assignment.star, "Hyp<State>", body)
        except HyperverseError as exc:
            _log.info("the star of %s was not told that it is watched: %s", point, exc)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW)
            for (point, aspect), watchers in list(self._watches.items()):
                if aspect in ("State", "Log"):
                    for watcher in list(watchers):
                        await self._tell(point, aspect, watcher)

    # -- the side of what is watched ----------------------------------------------------------------------

    def mark(self, point: Point, aspect: str, watcher: Point, seconds: float) -> None:
        """A particle that may live here is watched for so long."""
        from .live import Live

        now = asyncio.get_running_loop().time()
        live = self.machine.gravity.places.get(point.text)
        if not isinstance(live, Live):
            return
        if aspect == "State":
            live.watched_until = max(live.watched_until, now + seconds)
        else:
            self._logs.setdefault(point, _Mark(now)).watchers[watcher] = now + seconds

    def logged(self, point: Point, level: str, text: str) -> None:
        """A particle has written a line to its log."""
        mark = self._logs.get(point)
        if mark is None:
            return
        now = asyncio.get_running_loop().time()
        for watcher, until in list(mark.watchers.items()):
            if until < now:
                del mark.watchers[watcher]
                continue
            body = {"watched": point.text, "aspect": "Log", "point": point.text, "level": level, "text": text}
            self._later(self._signal(watcher, body))
        if not mark.watchers:
            del self._logs[point]

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends all watches."""
        self._watches.clear()
        tasks = [*self._tasks, *((self._renewing,) if self._renewing else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
