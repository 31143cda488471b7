"""Watches: particles and clients that are notified when a particle changes.

A watch lives on the machine of its watcher, and moves with the watcher if that is a particle. Changes of
state, properties and children come from the change feed, which every machine reads anyway, so it does not matter
where the watched particle lives or moves to. States are written to the feed, and log lines sent, only while somebody
watches. All machines are notified of a watch for a few seconds at a time, because the particle may become active on any
of them with its next wave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from ....contracts.registry import Change, ChangeKind, ParticleRegistry
from ....errors import BadRequest, HyperverseError, TooMany, did_you_mean
from ....scheduling.guarded_log import guarded_log
from ....universe.access.scope import Scope
from ....universe.address.point import Point, RouteKind
from ....universe.address.star_key import StarKey
from ....universe.waves.wave import Signal
from ...cluster.directory import Directory
from ...delivery.location import Location
from ...delivery.outbound import Outbound
from ...delivery.star_requests import ask_star
from ...delivery.watch_table import CHANGED, Watch, WatchTable
from ...particles.homes import Homes
from ...particles.resident import Resident
from ...transit.remote_star import RemoteStar
from .told_machines import ToldMachines
from .watch_rights import WatchRights

__all__ = ["ASPECTS", "Watches"]

_T = TypeVar("_T")
_log = guarded_log("hyperverse.watch")
ASPECTS = ("Log", "State", "Property", "Child")
_TOLD = ("State", "Log")
"""Aspects that a machine reports only if it knows that somebody watches."""
_OF_CHANGE = {ChangeKind.STATE: "State", ChangeKind.PROPERTIES: "Property"}
_OF_RIGHTS = frozenset({ChangeKind.GRANTED, ChangeKind.REVOKED, ChangeKind.OWNER})
_SLICE = 100
_MARKED = 6.0
_RENEW = 2.0
_MOST = 10_000
_FOR_GOOD = 1e9


class Watches:
    """The watches of this machine, and which of its particles are watched. No other part writes ``watched_until`` of
    an active particle.

    Args:
        table: the watches.
        outbound: sends from the star that represents this machine.
        registry: tells where a watcher lives.
        directory: the other machines.
        homes: the particles of this machine's stars.
        location: finds particles.
        rights: checks whether watchers may still watch.
        most_of_agent: greatest number of watches of one agent.
    """

    def __init__(
        self,
        table: WatchTable,
        *,
        outbound: Outbound,
        registry: ParticleRegistry,
        directory: Directory,
        homes: Homes,
        location: Location,
        rights: WatchRights,
        most_of_agent: int = _MOST,
    ) -> None:
        self._rights = rights
        self._looking_again: asyncio.Task[None] | None = None
        self._look_again = False
        self._table = table
        self._outbound = outbound
        self._registry = registry
        self._directory = directory
        self._homes = homes
        self._location = location
        self._states: dict[Point, float] = {}
        self._logs: dict[Point, dict[Point, float]] = {}
        self._look = 0.0
        self._told = ToldMachines()
        self._owed: set[tuple[Point, Point]] = set()  # a particle, and a watcher that missed lines of its log
        self._most_of_agent = most_of_agent
        self._watchers: dict[Point, set[Point]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._renewing: asyncio.Task[None] | None = None

    # -- the watcher's side -------------------------------------------------------------------------------

    def add(
        self,
        point: Point,
        aspect: str,
        watcher: Point,
        agent: Point | None = None,
        scope: Scope | None = None,
        *,
        counted: bool = False,
    ) -> asyncio.Task[None] | None:
        """Sends ``watcher`` a Signal ``Ext<Changed>`` whenever ``aspect`` of ``point`` changes, from now on.

        Args:
            point, aspect: what to watch.
            watcher: receives the Signals.
            agent: the agent of the watch, which ends when that agent may no longer read the particle. None for a watch
                of the platform.
            scope: limits on what the agent may do; None for no limits.
            counted: whether another machine has counted the watch.

        Returns an awaitable that ends when all machines know of the watch, and never raises; None if they need not
        know.

        Raises BadRequest if there is no such aspect, TooMany beyond 10,000 watches, or beyond those of the agent."""
        if aspect not in ASPECTS:
            near = did_you_mean(aspect, ASPECTS)
            raise BadRequest(f"a particle has no aspect {aspect!r}{near}", hint=f"known: {', '.join(ASPECTS)}")
        if len(self._table) >= _MOST:
            raise TooMany(f"{_MOST} particles are already watched from here")
        if agent is not None:
            if not counted:
                self._count(agent, watcher)
            self._rights.begun((point, aspect, watcher), agent, scope)
        self._table.add(point, aspect, watcher)
        if aspect not in _TOLD:
            return None
        if self._renewing is None:
            self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="renew watches")
        return self._later(self._tell([(point, aspect, watcher)]))

    def _count(self, agent: Point, watcher: Point) -> None:
        """Raises TooMany if an agent already has as many watches as it may have."""
        watchers = {one for one in self._watchers.get(agent, ()) if self._table.watched_by(one)} | {watcher}
        self._watchers[agent] = watchers
        if sum(len(self._table.watched_by(one)) for one in watchers) >= self._most_of_agent:
            raise TooMany(
                f"{agent.text!r} already watches {self._most_of_agent} aspects of particles from here",
                hint="end some of them, or watch all children of a particle at once (Child)",
                retry_after=_RENEW,
            )
        if len(self._watchers) > _MOST:
            self._watchers = {
                one: found for one, found in self._watchers.items() if any(map(self._table.watched_by, found))
            }

    def remove(self, watcher: Point, point: Point | None = None, aspects: Sequence[str] = ASPECTS) -> None:
        """Ends all watches of ``watcher``; with ``point``, its watches of these aspects there."""
        ended = [
            (each, aspect, watcher)
            for each, aspect in self._table.watched_by(watcher)
            if point is None or (each == point and aspect in aspects)
        ]
        logs = [watch for watch in ended if watch[1] == "Log"]
        for watch in ended:
            self._table.drop_one(*watch)
        self._rights.ended(ended)
        if logs:
            self._later(self._ask_all(logs, 0.0))

    def changed(self, change: Change) -> None:
        """Notifies the watchers of a change."""
        if not self._table:
            return
        if change.kind in _OF_RIGHTS:
            self._review()
        aspect = _OF_CHANGE.get(change.kind)
        if aspect is not None:
            self._notify(change.point, aspect, {"point": change.point.text, "change": str(change.kind)})
        elif change.kind in (ChangeKind.REGISTERED, ChangeKind.DELETED):
            if change.kind is ChangeKind.DELETED:
                self._notify_of_end(change.point)
            if change.point.parent is not None:
                body = {"point": change.point.text, "change": str(change.kind)}
                self._notify(change.point.parent, "Child", body)
        elif change.kind is ChangeKind.ASSIGNED:
            told = [
                (change.point, what, watcher) for what in _TOLD for watcher in self._table.watchers(change.point, what)
            ]
            if told:  # it has moved, perhaps to a machine that has just joined and does not know of the watch
                self._later(self._tell_moved(told))
            if self._table.watched_by(change.point):
                self._later(self._follow(change.point))

    def _review(self) -> None:
        """Ends watches of agents that may no longer watch, because rights have changed."""
        self._look_again = True
        if self._looking_again is None:
            self._looking_again = asyncio.get_running_loop().create_task(self._reviewing(), name="review watches")

    async def _reviewing(self) -> None:
        try:
            while self._look_again:
                self._look_again = False
                for number, watch in enumerate(list(self._table)):
                    await self._stands(watch)
                    if number % _SLICE == 0:
                        await asyncio.sleep(0)
        finally:
            self._looking_again = None

    async def _stands(self, watch: Watch) -> bool:
        """Whether the watcher may be notified of a change. Ends a watch whose agent may no longer read the particle."""
        told = await self._rights.told(watch)
        if told is False:
            point, aspect, watcher = watch
            _log.info("%s no longer watches %s (%s): it may no longer read it", watcher, point, aspect)
            self.remove(watcher, point, (aspect,))
        return bool(told)

    def lost(self) -> None:
        """Asks every watcher to look again, because changes were missed."""
        self._review()
        self._missed(self._table)

    def _missed(self, watches: Iterable[Watch]) -> None:
        for point, aspect in dict.fromkeys((point, aspect) for point, aspect, _ in watches):
            self._notify(point, aspect, {"point": point.text, "change": "missed"})

    async def _follow(self, watcher: Point) -> None:
        """Moves the watches of a particle to the machine that hosts it now."""
        try:
            assignment = (await self._registry.record(watcher)).assignment
        except HyperverseError as exc:
            _log.info("the watches of %s stay here: %s", watcher, exc)
            return
        if assignment is not None and assignment.star not in self._homes:
            await self._hand_over(watcher, assignment.star, 10.0)

    async def _hand_over(self, watcher: Point, star: StarKey, wait: float) -> bool:
        """Whether the machine of ``star`` has taken over all watches of ``watcher``."""
        held = [(point, aspect, watcher) for point, aspect in self._table.watched_by(watcher)]
        agents = [agent.text if (agent := self._rights.agent(watch)) is not None else "" for watch in held]
        watches = [[point.text, aspect] for point, aspect, _ in held]
        body = {"watcher": watcher.text, "watches": watches, "agents": agents}
        reply = await ask_star(self._outbound, star, "Hyp<Host>", body, wait=wait)
        if reply.ok:
            self._table.drop(watcher)
            self._rights.ended(held)
        else:
            _log.warning("the watches of %s stay here: %s", watcher, reply.error)
        return reply.ok

    async def leave(self) -> None:
        """Hands the watches of particles over to other machines, because this machine is stopping. Clients end with
        it."""
        others = [StarKey("machine", name, 0) for name in sorted(self._directory.machines())]
        for watcher in [point for point in self._table.everyone() if point.route.kind is not RouteKind.STAR]:
            for other in list(others):
                if await self._hand_over(watcher, other, 1.0):
                    break
                others.remove(other)

    def _notify(self, point: Point, aspect: str, body: dict[str, Any]) -> None:
        for watcher in self._table.watchers(point, aspect):
            told = {**body, "aspect": aspect, "watched": point.text}
            self._later(self._signal_allowed((point, aspect, watcher), told))

    def _notify_of_end(self, point: Point) -> None:
        """Notifies each watcher of a deleted particle once, whatever it watches there."""
        told: set[Point] = set()
        for aspect in ASPECTS:
            for watcher in self._table.watchers(point, aspect):
                if watcher not in told:
                    told.add(watcher)
                    body = {"point": point.text, "change": "deleted", "aspect": aspect, "watched": point.text}
                    self._later(self._signal(watcher, body))

    async def _signal_allowed(self, watch: Watch, body: dict[str, Any]) -> None:
        if await self._stands(watch):
            await self._signal(watch[2], body)

    async def _signal(self, watcher: Point, body: dict[str, Any]) -> bool:
        """Returns whether the watcher was notified, or is gone."""
        wave = self._outbound.origin.wave(Signal, watcher, CHANGED, body, {})
        wave.agent = watcher  # it has requested the Signal; the rights of the star would allow its handler everything
        reply = await self._outbound.notify(wave)
        if reply.status == 404:
            self.remove(watcher)
        elif not reply.ok:
            _log.warning("watcher %s was not notified: %s", watcher, reply.error)
        return reply.ok or reply.status == 404

    async def _ask_all(self, watches: Sequence[Watch], seconds: float) -> dict[StarKey, bool]:
        """Notifies all machines that these are watched for that many more seconds. Returns which machines have accepted
        it."""
        own = self._outbound
        stars = [own.star.key, *(StarKey("machine", name, 0) for name in self._directory.machines())]
        told = [[point.text, aspect, watcher.text] for point, aspect, watcher in watches]
        body = {"watches": told, "seconds": seconds}
        replies = await asyncio.gather(*(ask_star(own, star, "Hyp<State>", body, wait=_RENEW) for star in stars))
        for star, reply in zip(stars, replies, strict=True):
            if not reply.ok:
                _log.info("%s was not notified of watches: %s", star, reply.error)
        return {star: reply.ok for star, reply in zip(stars, replies, strict=True)}

    async def _tell(self, watches: Sequence[Watch]) -> None:
        self._told.one(await self._ask_all(watches, _MARKED))

    async def _tell_moved(self, watches: Sequence[Watch]) -> None:
        """Notifies all machines of watches whose particle has moved, perhaps to a machine that has reported no changes
        yet."""
        if self._told.one(await self._ask_all(watches, _MARKED)):
            self._missed(watches)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW)
            watches = [watch for watch in self._table if watch[1] in _TOLD]
            if not watches:
                self._told.nothing()
            elif self._told.everything(await self._ask_all(watches, _MARKED)):
                self._missed(watches)

    # -- the watched particle's side ----------------------------------------------------------------------

    def mark(self, point: Point, aspect: str, watcher: Point, seconds: float) -> None:
        """Marks a particle that may become active here as watched for that many seconds."""
        now = asyncio.get_running_loop().time()
        if now >= self._look:
            self._look = now + _MARKED
            self._forget(now)
        if aspect == "Log":
            self._logs.setdefault(point, {})[watcher] = now + seconds
            if (point, watcher) in self._owed:  # the machine of the watcher is reachable again
                self._owed.discard((point, watcher))
                body = {"watched": point.text, "aspect": "Log", "point": point.text, "change": "missed"}
                self._later(self._signal_line(watcher, point, body))
            return
        until = self._states[point] = max(self._states.get(point, 0.0), now + seconds)
        active = self._homes.at_home(point)
        if active is not None:
            active.watched_until = max(active.watched_until, until)

    async def watch_states(self, point: Point) -> None:
        """Writes the states of a particle to the change feed from now on, until it moves; the feed contains the move
        itself. Raises the error if the particle cannot be found or its star cannot be notified."""
        own = self._outbound
        place = await self._location.locate(point)
        if isinstance(place, RemoteStar):
            body = {"watches": [[point.text, "State", own.star.point.text]], "seconds": _FOR_GOOD}
            (await ask_star(own, place.key, "Hyp<State>", body)).unwrap()
        else:
            self.mark(point, "State", own.star.point, _FOR_GOOD)

    def _forget(self, now: float) -> None:
        """Drops the marks that have expired."""
        self._states = {point: until for point, until in self._states.items() if until > now}
        for point, watchers in list(self._logs.items()):
            left = {watcher: until for watcher, until in watchers.items() if until > now}
            self._logs[point] = left
            if not left:
                del self._logs[point]
        self._owed = {(point, watcher) for point, watcher in self._owed if watcher in self._logs.get(point, ())}

    def arrived(self, active: Resident) -> None:
        """Sets how long an arriving particle is watched, because it may already be marked."""
        if self._states:
            active.watched_until = self._states.get(active.point, 0.0)

    def logged(self, point: Point, level: str, text: str) -> None:
        """Sends a line that a particle has logged to its watchers."""
        watchers = self._logs.get(point)
        if watchers is None:
            return
        now = asyncio.get_running_loop().time()
        body = {"watched": point.text, "aspect": "Log", "point": point.text, "level": level, "text": text}
        for watcher in [watcher for watcher, until in watchers.items() if until > now]:
            self._later(self._signal_line(watcher, point, body))

    async def _signal_line(self, watcher: Point, point: Point, body: dict[str, Any]) -> None:
        if not await self._signal(watcher, body):
            self._owed.add((point, watcher))

    def _later(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Ends all watches."""
        self._table.clear()
        tasks = [*self._tasks, *(task for task in (self._renewing, self._looking_again) if task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
