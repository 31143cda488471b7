"""Surfaces of clients inside the process: points to which others can send waves."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from ....contracts.gateway import Receive
from ....universe.address.point import Point
from ...delivery.local_client import LocalSurface
from ...particles.hosting import Hosting
from .surface_particle import SurfaceParticle

__all__ = ["LocalSurfaces"]


class LocalSurfaces:
    """Gives a client inside the process its own surface as soon as it needs one.

    Args:
        hosting: the hosting of the star that represents the machine.
    """

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._numbers = itertools.count()
        self._open: dict[Point, Callable[[], None]] = {}

    def open(self, agent: Point, receive: Receive, ended: Callable[[], None]) -> LocalSurface:
        """Opens a surface at a new point.

        Args:
            agent: owns the surface.
            receive: gets the waves to the surface.
            ended: called when the machine stops.
        """
        point = self._hosting.star.point.child(f"clients:client-{next(self._numbers)}")
        active = self._hosting.pin(point, "Control", SurfaceParticle(receive), owner=agent)
        self._open[point] = ended

        def close() -> None:
            if self._open.pop(point, None) is not None:
                self._hosting.table.remove(active)

        return LocalSurface(point, close)

    async def close(self) -> None:
        """Notifies all clients with a surface that the machine is stopping."""
        for ended in list(self._open.values()):
            ended()
