"""Records of the registry that this machine has read, kept until the change feed says that they have changed."""

from __future__ import annotations

from collections.abc import Mapping

from ..contracts.registry import ParticleRecord, Registry
from ..errors import NotFound
from ..universe.kind import Kind
from ..universe.point import Point

__all__ = ["Records"]

_KEPT = 100_000


class Records:
    """A cache of particle records. What is not registered is never remembered."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._kept: dict[Point, ParticleRecord] = {}
        self._dropped = 0

    async def get(self, points: tuple[Point, ...]) -> Mapping[Point, ParticleRecord]:
        """The records of those that are registered."""
        found = {p: r for p in points if (r := self._kept.get(p)) is not None}
        missing = [p for p in points if p not in found]
        if missing:
            dropped = self._dropped
            read = await self._registry.records(missing)
            found.update(read)
            if dropped == self._dropped:  # else what was read may be older than what has changed
                if len(self._kept) > _KEPT:
                    self._kept.clear()
                self._kept.update(read)
        return found

    async def one(self, point: Point) -> ParticleRecord:
        """The record of ``point``. Raises NotFound."""
        kept = self._kept.get(point)
        if kept is not None:
            return kept
        found = (await self.get((point,))).get(point)
        if found is None:
            raise NotFound(f"no particle {point.text!r}")
        return found

    async def kinds(self, point: Point) -> tuple[Kind, ...]:
        """The Kind of each segment of ``point``, root first. Raises NotFound."""
        path = (*reversed([p for p in point.ancestors() if not p.is_root]), point)
        found = await self.get(path)
        missing = [p for p in path if p not in found]
        if missing:
            raise NotFound(f"no particle {missing[0].text!r}")
        return tuple(found[p].kind for p in path)

    def drop(self, point: Point) -> None:
        """The record of ``point`` has changed."""
        self._dropped += 1
        self._kept.pop(point, None)

    def clear(self) -> None:
        """Anything may have changed."""
        self._dropped += 1
        self._kept.clear()
