"""What a registry stores of particles: their records, properties, owners and numbers."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence

from ...errors import NotFound
from ...universe.address.point import Point
from ...universe.kind_defs.properties import SetProperty, UnsetProperty
from ...universe.selectors.selector import Selector
from .records import Page, ParticleRecord, Status
from .registrations import Registered, Registration

__all__ = ["ParticleRegistry"]


class ParticleRegistry(abc.ABC):
    """The part of a :class:`Registry` with the particles. :class:`Registry` says what holds for every method."""

    @abc.abstractmethod
    async def register(self, registration: Registration) -> Registered:
        """Registers a particle. When its point is registered already, the strategy decides what happens.

        The parent must be registered, except that a child of the root of a route other than this Hyperverse
        (``GLOBAL::executor``, ``<<STAR::…>>::star``) needs none.

        Args:
            registration: the particle, with its strategy, its initial state, and the particles to register below it in
                the same write.

        Raises:
            Conflict: the point is registered, and the strategy does not allow that; or the particle would be replaced
                by one that comes with particles below it.
            NotFound: the parent is not registered, or the parent of a particle below.
            TooLarge: a state has more than :data:`LARGEST_STATE` bytes.
        """

    @abc.abstractmethod
    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        """Returns the records of those of ``points`` that are registered. Calls that arrive together should be one
        query."""

    async def record(self, point: Point) -> ParticleRecord:
        """Returns the record of ``point``.

        Raises:
            NotFound: ``point`` is not registered.
        """
        found = (await self.records((point,))).get(point)
        if found is None:
            raise NotFound(f"no particle {str(point)!r}")
        return found

    @abc.abstractmethod
    async def children(self, point: Point, *, after: Point | None = None, limit: int = 100) -> Page:
        """Returns a page of the direct children of ``point``; an empty one when ``point`` is not registered.

        Args:
            after: the point after which the page begins; None for the first page.
            limit: maximum number of records in the page.
        """

    @abc.abstractmethod
    async def select(self, selector: Selector, *, after: Point | None = None, limit: int = 100) -> Page:
        """Returns a page of the particles that ``selector`` matches. Reads at most what is at and below the selector's
        query root.

        Args:
            after: the point after which the page begins; None for the first page.
            limit: maximum number of records in the page.
        """

    @abc.abstractmethod
    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        """Deletes each of ``points`` with everything below it: records, properties, states, sequences, the grants that
        a deleted particle made or that name exactly a deleted point, and the tokens whose agent is deleted. Skips
        points that are not registered.

        Args:
            points: the particles to delete.
            limit: maximum number of particles to delete in this call, each after everything below it. The caller
                repeats the call until fewer are deleted, so that other writes, such as renewals of leases, run in
                between. None deletes all at once.

        Returns:
            the records of the deleted particles, children before their parents.

        Raises:
            Conflict: the root is among ``points``; it cannot be deleted.
        """

    @abc.abstractmethod
    async def set_status(self, point: Point, status: Status) -> None:
        """Sets the status of the particle at ``point`` to ``status``.

        Raises:
            NotFound: ``point`` is not registered.
        """

    @abc.abstractmethod
    async def set_properties(self, points: Sequence[Point], changes: Sequence[SetProperty | UnsetProperty]) -> None:
        """Applies ``changes``, in their order, to each of ``points``, or to none of them. The rules of the Kind are not
        checked here.

        Raises:
            NotFound: one of ``points`` is not registered.
            Conflict: a locked property would be unset or get another value. Setting it to its current value is allowed.
        """

    @abc.abstractmethod
    async def replace_values(self, point: Point, values: Mapping[str, tuple[str, str]]) -> bool:
        """Replaces values of properties of ``point``, locked ones too, if all of them are still as they were read. This
        serves to encrypt values that an older release has written in clear text, or that were encrypted with an older
        key. The store should overwrite the space that the old value occupied.

        Args:
            values: for each key, the value that was read and the value to write.

        Returns:
            whether they were written; False when one of them has changed, or the particle is gone.
        """

    @abc.abstractmethod
    async def sequence(self, point: Point) -> int:
        """Returns the next number of the counter that belongs to ``point``: 1, 2, 3 and so on. No number is returned
        twice.

        Raises:
            NotFound: ``point`` is not registered.
        """

    @abc.abstractmethod
    async def chown(self, points: Sequence[Point], owner: Point) -> None:
        """Makes ``owner`` the owner of each of ``points``, or of none of them.

        Raises:
            NotFound: one of ``points`` is not registered.
        """
