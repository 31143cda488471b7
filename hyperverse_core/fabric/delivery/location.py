"""Location: where a particle lives. What this machine does not know yet is found by the route of the point."""

from __future__ import annotations

from ...errors import NotFound
from ...universe.address.point import Point, RouteKind
from ..particles.homes import Homes
from ..particles.places import Find, Place, Places
from ..stars.star import Star
from ..transit.remote_star import RemoteStars

__all__ = ["Location"]


class Location:
    """Locates particles.

    Args:
        places: the places that are known.
        homes: the particles of this machine's stars.
        home: the star that stands for this machine; global particles live there.
        remotes: the stars of other machines.
        provision: finds or provisions a particle that the registry places.
    """

    def __init__(self, places: Places, homes: Homes, home: Star, remotes: RemoteStars, provision: Find) -> None:
        self._places = places
        self._homes = homes
        self._home = home
        self._remotes = remotes
        self._provision = provision

    async def locate(self, point: Point) -> Place:
        """Where ``point`` lives; it is provisioned when it lives nowhere yet.

        Raises NotFound, NoDriver, Unavailable."""
        return await self._places.look_up(point, self.find)

    async def find(self, point: Point) -> Place:
        """Where ``point`` lives. Raises NotFound, NoDriver, Unavailable."""
        if point.route.is_local:
            return await self._provision(point)
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
        """One of the global particles, which every machine has for itself. Raises NotFound."""
        pinned = self._homes[self._home.key].active
        found = pinned.get(point.text)
        if found is None:
            known = sorted(text for text, active in pinned.items() if active.point.route.kind is RouteKind.GLOBAL)
            raise NotFound(f"no global particle {point.text!r}", hint=f"known: {', '.join(known)}")
        return found
