"""Location: finds where a particle lives. A place that is unknown here is found by the route of the point."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from functools import partial
from typing import Any

from ...errors import NotFound
from ...universe.address.point import HYPERUSER, Point, RouteKind
from ...universe.waves.wave import BOUNCE, Directed, MethodKind
from ..caches.records import Records
from ..particles.homes import Homes
from ..particles.places import Find, Place, Places
from ..particles.served import ServedKinds
from ..stars.star import Star
from ..transit.remote_star import RemoteStars
from .demanded import privilege_demanded
from .gate import Gate
from .unplaced import Unplaced

__all__ = ["Location"]


class Location:
    """Locates particles.

    Args:
        places: the known places.
        homes: the particles of this machine's stars.
        home: the star that represents this machine; global particles live there.
        remotes: the stars of other machines.
        provision: finds or provisions a particle that the registry places.
        records: provide the records of particles.
        gate: decides whether a wave is allowed.
        served: the Kinds, with the privileges that the handlers of a particle need.
    """

    def __init__(
        self,
        places: Places,
        homes: Homes,
        home: Star,
        remotes: RemoteStars,
        provision: Find,
        records: Records,
        gate: Gate,
        served: ServedKinds,
    ) -> None:
        self._served = served
        self._records = records
        self._gate = gate
        self._places = places
        self._homes = homes
        self._home = home
        self._remotes = remotes
        self._provision = provision

    async def locate(self, point: Point) -> Place:
        """Returns where ``point`` lives, and provisions the particle if it lives nowhere yet.

        Raises NotFound, NoDriver, Unavailable."""
        return await self._places.look_up(point, self.find)

    async def locate_for(self, wave: Directed, point: Point) -> Place:
        """Returns where ``point`` lives, for a wave. Places the particle only if the agent may send the wave at all.

        Raises what :meth:`locate` does, the refusal of the gate, and TimedOut if the time of the wave is nearly over
        and the policy has not answered."""
        remembered = self._records.remembered(point)
        if remembered is not None:  # a refused wave never places the particle, so a cached refusal needs no look-up
            self._gate.turn_away(Unplaced(remembered, self._home), wave)
        while True:
            place = await self._look_up(wave, point)
            if place is not None:
                return place
            record = await self._records.one(point)  # the first wave that asked was refused; this one may be allowed
            unplaced = Unplaced(record, self._home)
            if wave.method is BOUNCE and not await self._gate.checks.run(wave, self._gate.told.has_any(wave, point)):
                return unplaced
            await self._gate.authorise(unplaced, wave)
            privilege = privilege_demanded(self._served, record, wave)
            if privilege:
                await self._gate.demand(unplaced, wave, privilege)

    def _look_up(self, wave: Directed, point: Point) -> Coroutine[Any, Any, Place | None]:
        """Returns what :meth:`_find_for` returns, for all waves that ask at the same time. Each of them stops waiting
        in time for its own answer, if the policy may have to be asked."""
        looking = self._places.look_up_if(point, partial(self._find_for, wave))
        return looking if self._needs_no_leave(wave, point) else self._gate.checks.run(wave, looking)

    @staticmethod
    def _needs_no_leave(wave: Directed, point: Point) -> bool:
        """Whether the particle is placed for the wave without a question to the policy."""
        own = wave.agent == point or (wave.agent == HYPERUSER and wave.scope is None)
        return own or not point.route.is_local or wave.method.kind is MethodKind.HYP

    def _find_for(self, wave: Directed, point: Point) -> Awaitable[Place | None]:
        """Returns where ``point`` lives; None if it would be placed for a wave that its agent may not send."""
        return self.find(point) if self._needs_no_leave(wave, point) else self._find_if_allowed(wave, point)

    async def _find_if_allowed(self, wave: Directed, point: Point) -> Place | None:
        record = (await self._records.get((point,))).get(point)
        if record is not None:
            privilege = privilege_demanded(self._served, record, wave)
            if not await self._gate.told.may(wave, record, privilege):
                return None
        return await self.find(point)

    def find(self, point: Point) -> Awaitable[Place]:
        """Returns where ``point`` lives. Raises NotFound, NoDriver, Unavailable."""
        return self._provision(point) if point.route.is_local else self._find_by_route(point)

    async def _find_by_route(self, point: Point) -> Place:
        key = point.star_key
        if key is not None:
            hosting = self._homes.get(key)
            if hosting is None:
                return self._remotes.of(key)
            pinned = hosting.active.get(point.text)
            if pinned is not None:
                return pinned
            raise NotFound(f"no particle {point.text!r} in this star")
        if point.route.kind is RouteKind.GLOBAL:
            return self._global(point)
        return await self._provision(point)

    def _global(self, point: Point) -> Place:
        """Returns one of the global particles, of which every machine has its own. Raises NotFound."""
        pinned = self._homes[self._home.key].active
        found = pinned.get(point.text)
        if found is None:
            known = sorted(text for text, active in pinned.items() if active.point.route.kind is RouteKind.GLOBAL)
            raise NotFound(f"no global particle {point.text!r}", hint=f"known: {', '.join(known)}")
        return found
