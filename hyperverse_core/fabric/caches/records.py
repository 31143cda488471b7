"""Registry records that this machine has read, kept until the change feed reports a change."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ...contracts.registry import Change, ChangeKind, ParticleRecord, ParticleRegistry
from ...errors import NotFound
from ...universe.address.point import Point
from ...universe.kinds.kind import Kind

__all__ = ["Records"]

_KEPT = 100_000


@attrs.define(eq=False)
class _Reading:
    """A record that is being read.

    Attributes:
        readers: number of reads of it in progress.
        stale: whether it changed after the first of these reads began.
    """

    readers: int = 0
    stale: bool = False


class Records:
    """A cache of particle records. It never remembers that a point is not registered."""

    def __init__(self, registry: ParticleRegistry) -> None:
        self._registry = registry
        self._kept: dict[Point, ParticleRecord] = {}
        self._being_read: dict[Point, _Reading] = {}

    def __len__(self) -> int:
        """Number of cached records."""
        return len(self._kept)

    def remembered(self, point: Point) -> ParticleRecord | None:
        """Returns the cached record of ``point``; None means only that it is not cached."""
        return self._kept.get(point)

    async def get(self, points: tuple[Point, ...]) -> Mapping[Point, ParticleRecord]:
        """Returns the records of those points that are registered."""
        found = {p: r for p in points if (r := self._kept.get(p)) is not None}
        missing = [p for p in points if p not in found]
        if not missing:
            return found
        for point in missing:
            self._being_read.setdefault(point, _Reading()).readers += 1
        read: Mapping[Point, ParticleRecord] = {}
        try:
            read = await self._registry.records(missing)
        finally:
            for point in missing:
                self._finish(point, read.get(point))
        return {**found, **read}

    def _finish(self, point: Point, record: ParticleRecord | None) -> None:
        reading = self._being_read[point]
        reading.readers -= 1
        if not reading.readers:
            del self._being_read[point]
        if record is not None and not reading.stale:  # otherwise the record may be older than the change
            if len(self._kept) > _KEPT:
                self._kept.clear()
            self._kept[point] = record

    async def one(self, point: Point) -> ParticleRecord:
        """Returns the record of ``point``. Raises NotFound."""
        kept = self._kept.get(point)
        if kept is not None:
            return kept
        found = (await self.get((point,))).get(point)
        if found is None:
            raise NotFound(f"no particle {point.text!r}")
        return found

    async def kinds(self, point: Point) -> tuple[Kind, ...]:
        """Returns the Kind of each segment of ``point``, root first. Raises NotFound."""
        path = (*reversed([p for p in point.ancestors() if not p.is_root]), point)
        found = await self.get(path)
        missing = [p for p in path if p not in found]
        if missing:
            raise NotFound(f"no particle {missing[0].text!r}")
        return tuple(found[p].kind for p in path)

    def drop(self, point: Point) -> None:
        """Drops the record of ``point``, which has changed."""
        self._kept.pop(point, None)
        reading = self._being_read.get(point) if self._being_read else None
        if reading is not None:
            reading.stale = True

    def changed(self, change: Change) -> None:
        """Drops the record that has changed."""
        if change.kind is not ChangeKind.STAR:
            self.drop(change.point)

    def lost(self) -> None:
        """Drops everything, because anything may have changed."""
        self._kept.clear()
        for reading in self._being_read.values():
            reading.stale = True
