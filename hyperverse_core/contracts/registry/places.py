"""Where particles live, and their saved state."""

from __future__ import annotations

import abc
from collections.abc import Sequence

from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from .records import Assigned, Assignment, Page

__all__ = ["PlaceRegistry"]


class PlaceRegistry(abc.ABC):
    """The part of a :class:`Registry` that says where particles live. :class:`Registry` says what holds for every
    method."""

    @abc.abstractmethod
    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        """Assigns ``point`` to ``star`` if its assignment is still ``expected`` (compare-and-set). Its status is Ready
        then.

        Args:
            incarnation: the announced incarnation of ``star``.
            expected: the assignment that the caller has read; None for none. An assignment whose star has gone since
                then counts as None.

        Raises:
            NotFound: ``point`` is not registered.
            Conflict: its assignment is another one. Read its record to see which.
            NotHostedHere: ``incarnation`` is not the announced one, because the lease of the star has ended.
        """

    @abc.abstractmethod
    async def release(self, assignments: Sequence[tuple[Point, Assignment]]) -> None:
        """Ends those of ``assignments`` that still hold, and skips the others."""

    @abc.abstractmethod
    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        """Replaces the state of ``point`` with ``state`` if ``assignment`` still holds.

        The saves of one process for one particle take effect in the order of the calls, even when a caller was
        cancelled in the meantime.

        Args:
            announce: whether to add an entry to the change feed, because somebody watches the state.

        Raises:
            NotHostedHere: the particle was assigned again, released, or deleted.
            TooLarge: the state has more than :data:`LARGEST_STATE` bytes.
        """

    @abc.abstractmethod
    async def load_state(self, point: Point) -> bytes | None:
        """Returns the saved state of ``point``, None when there is none. Saves that this process has begun before are
        settled by then, even when a caller was cancelled in the meantime: none of them takes effect afterwards.

        Raises:
            NotFound: ``point`` is not registered.
        """

    @abc.abstractmethod
    async def hosted(self, star: StarKey, *, after: Point | None = None, limit: int = 100) -> Page:
        """Returns a page of the particles that are assigned to the announced incarnation of ``star``.

        Args:
            after: the point after which the page begins; None for the first page.
            limit: maximum number of records in the page.
        """
