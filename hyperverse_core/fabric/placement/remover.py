"""Deletes particles, with everything below them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ...contracts.registry import ParticleRecord, ParticleRegistry
from ...errors import HyperverseError
from ...universe.address.point import Point
from ..caches.records import Records
from ..caches.selections import Selections
from ..particles.active import Active
from ..particles.deletions import Deletions
from ..particles.homes import Homes
from ..particles.places import Places
from .partly_done import partly_done

__all__ = ["Remover"]

_SLICE = 1000  # particles deleted at a time: a few hundredths of a second in the registry


class Remover:
    """Deletes particles, and removes those that are active on this machine."""

    def __init__(
        self,
        registry: ParticleRegistry,
        records: Records,
        selections: Selections,
        places: Places,
        homes: Homes,
        deletions: Deletions,
    ) -> None:
        self._registry = registry
        self._records = records
        self._selections = selections
        self._places = places
        self._homes = homes
        self._deletions = deletions

    async def delete(
        self, points: Sequence[Point], *, check: Callable[[], None] = lambda: None
    ) -> list[ParticleRecord]:
        """Deletes the subtrees of ``points``, and removes the particles that live here. Other machines remove theirs
        when they read about the deletion in the change feed. The caller must check the rights.

        It works in slices, so that leases are renewed and other work is done meanwhile. Raises the errors of the
        registry, and of ``check``, which is called between two slices; the error says how many particles are already
        deleted."""
        deleted: list[ParticleRecord] = []
        wanted = sorted(set(points))
        try:
            for start in range(0, len(wanted), _SLICE):
                slice_ = wanted[start : start + _SLICE]
                while True:
                    if deleted:
                        await asyncio.sleep(0)  # a registry in memory never waits
                        check()
                    part = await self._registry.delete(slice_, limit=_SLICE)
                    deleted += part
                    self._selections.forget()
                    await self._deletions.end(self.evict(part))
                    if len(part) < _SLICE:
                        break
        except HyperverseError as exc:
            if not deleted:
                raise
            done = f"{len(deleted)} particles were deleted before"
            raise partly_done(exc, done, hint="repeat the command to delete the rest") from exc
        return deleted

    def evict(self, records: Sequence[ParticleRecord]) -> list[Active]:
        """Immediately removes those of ``records`` that live here. Returns the particles that lived here."""
        evicted: list[Active] = []
        for record in records:
            self._records.drop(record.point)
            self._places.drop(record.point)
            for hosting in self._homes.values():  # its place may be too new to be in the table of places
                active = hosting.active.get(record.point.text)
                if active is not None:
                    hosting.table.lose(active)
                    evicted.append(active)
        return evicted
