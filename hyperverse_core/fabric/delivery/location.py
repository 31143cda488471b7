"""Location: finds where a particle lives that this machine does not know yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ...errors import NotFound
from ...universe.address.point import Point, RouteKind
from ..particles.active import Active
from ..particles.homes import Homes
from ..particles.places import Place
from ..transit.remote_star import RemoteStars

__all__ = ["Location"]


class Location:
    """Looks a point up by its route.

    Args:
        homes: the particles of this machine's stars.
        remotes: the stars of other machines.
        provision: finds or provisions a particle that the registry places.
        globals_: the global particles of this machine, by the text of their points.
    """

    def __init__(
        self,
        homes: Homes,
        remotes: RemoteStars,
        provision: Callable[[Point], Awaitable[Place]],
        globals_: Mapping[str, Active],
    ) -> None:
        self._homes = homes
        self._remotes = remotes
        self._provision = provision
        self._globals = globals_

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
            found = self._globals.get(point.text)
            if found is None:
                raise NotFound(f"no global particle {point.text!r}", hint=f"known: {', '.join(self._globals)}")
            return found
        return await self._provision(point)
