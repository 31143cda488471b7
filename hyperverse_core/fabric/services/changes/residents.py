"""Residents: applies the change feed to the particles that live on this machine, and to the places of other
particles."""

from __future__ import annotations

from ....contracts.registry import Assignment, Change, ChangeKind, ParticleRegistry
from ....universe.address.point import Point
from ...particles.comings import Left
from ...particles.deletions import Deletions
from ...particles.homes import Homes
from ...particles.places import Place, Places
from ...particles.resident import Resident

__all__ = ["Residents"]

_MOVES = frozenset({ChangeKind.ASSIGNED, ChangeKind.RELEASED, ChangeKind.DELETED})


class Residents:
    """Deactivates particles that were taken over or deleted, and compares the others with their records.

    Args:
        registry: provides the records.
        homes: the particles of this machine's stars.
        places: the places of particles.
        deletions: ends deleted particles.
    """

    def __init__(self, registry: ParticleRegistry, homes: Homes, places: Places, deletions: Deletions) -> None:
        self._registry = registry
        self._homes = homes
        self._places = places
        self._deletions = deletions
        self._taken: dict[str, Resident] = {}
        self._stale: dict[Point, None] = {}
        self._deleted: list[Resident] = []

    # -- notifications of the feed ------------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """Applies one entry of the feed."""
        point = change.point
        place = self._places.known.get(point.text) or self._homes.at_home(point)
        ended = self._ended(change, place) if change.kind in _MOVES else None
        if place is None:
            if change.kind in _MOVES:
                self._places.forget(point)
        elif place.remote:
            if change.kind in _MOVES:
                self._places.drop(point)
        elif place is not ended and not _is_ours(change, place):
            self._stale[point] = None

    def _ended(self, change: Change, place: Place | None) -> Resident | None:
        """Returns the particle of this machine that was deleted, if the entry says so, and forgets it."""
        active = self._taken.get(change.point.text) or place
        if not isinstance(active, Resident) or active.assignment is None or _is_later(active.assignment, change):
            return None  # a particle that became active since then is a different one
        self._taken.pop(change.point.text, None)
        if change.kind is not ChangeKind.DELETED:
            return None
        active.home.table.lose(active)
        self._deleted.append(active)
        return active

    async def settle(self) -> None:
        """Call this after all entries of one reading. If it raises Unavailable, stale particles are compared next
        time."""
        self._end_deleted()
        if self._stale:
            stale = tuple(self._stale)
            await self._homes.check(stale)
            for point in stale:
                self._stale.pop(point, None)

    def _end_deleted(self) -> None:
        deleted, self._deleted = self._deleted, []
        self._deletions.end_soon(deleted)

    def lost(self) -> None:
        """Drops what was known of other machines, because it may be wrong."""
        self._places.lost()

    async def check_all(self) -> None:
        """Checks every particle of this machine against the registry, after entries of the feed were missed."""
        for hosting in self._homes.values():
            await self._homes.check(tuple(active.point for active in hosting.active.values()))
        taken, self._taken = self._taken, {}
        left = await self._registry.records(tuple(active.point for active in taken.values()))
        self._deleted += [active for active in taken.values() if active.point not in left]
        self._end_deleted()

    # -- notifications of the homes -----------------------------------------------------------------------

    def arrived(self, active: Resident) -> None:
        """Notes that a particle that the registry does not place is here, and only here."""
        if active.pinned:
            self._places.keep(active.point, active)

    def left(self, active: Resident, why: Left) -> None:
        """Removes a particle from the places. Later entries of the feed say why it was taken over."""
        self._places.left(active.point, active)
        if why is Left.TAKEN:
            self._taken[active.text] = active


def _is_ours(change: Change, place: Place) -> bool:
    """Whether the entry only reports an act of this machine itself: it saved a state, or adopted the particle."""
    if change.kind is ChangeKind.STATE:
        return True
    assignment = place.assignment if isinstance(place, Resident) else None
    return change.kind is ChangeKind.ASSIGNED and assignment is not None and assignment.epoch == change.epoch


def _is_later(assignment: Assignment, change: Change) -> bool:
    """Whether an assignment is the one that an entry reports, or a later one."""
    if change.kind is ChangeKind.ASSIGNED:
        return assignment.epoch >= change.epoch
    return assignment.epoch > change.epoch
