"""The particles of all stars of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...contracts.registry import Registry
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from .active import Active
from .hosting import Hosting

__all__ = ["Homes"]


class Homes(Mapping[StarKey, Hosting]):
    """The hosting of each star, by its key. It is filled last, because the parts that particles use must exist first.

    Attributes:
        by_text: the same by the text of the key. Waves use it, because a string caches its hash, while a key computes
            it.
    """

    def __init__(self, registry: Registry) -> None:
        self.by_text: dict[str, Hosting] = {}
        self._registry = registry
        self._hostings: dict[StarKey, Hosting] = {}

    def __getitem__(self, key: StarKey) -> Hosting:
        return self._hostings[key]

    def __iter__(self) -> Iterator[StarKey]:
        return iter(self._hostings)

    def __len__(self) -> int:
        return len(self._hostings)

    def add(self, hosting: Hosting) -> None:
        """Adds the hosting of one star."""
        self._hostings[hosting.star.key] = self.by_text[hosting.star.text] = hosting

    def at_home(self, point: Point) -> Active | None:
        """Returns the particle if it lives in one of this machine's stars, even while waves still wait for its
        start."""
        for hosting in self._hostings.values():
            active = hosting.active.get(point.text)
            if active is not None:
                return active
        return None

    async def check(self, points: tuple[Point, ...]) -> None:
        """Compares particles that live here with their records, which may have changed. Raises Unavailable."""
        before = [self.at_home(point) for point in points]
        found = await self._registry.records(points)
        for point, active in zip(points, before, strict=True):
            if active is None or active.assignment is None or active.gone:
                continue  # a particle activated meanwhile is newer than the record read
            record = found.get(point)
            if record is None or record.assignment != active.assignment:
                active.home.table.taken(active)
            else:
                active.home.table.renew(active, record)

    def lease_lost(self) -> None:
        """Removes every particle that the registry placed here, because this machine's stars have lost their leases."""
        for hosting in self._hostings.values():
            for active in hosting.table.placed():
                hosting.table.lose(active)
