"""The contract itself: what every registry does, and what is atomic."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Sequence

from ...universe.access.access import AccessGrant
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.kind_defs.properties import SetProperty, UnsetProperty
from ...universe.selectors.selector import Selector
from .records import (
    Assigned,
    Assignment,
    Changes,
    Page,
    ParticleRecord,
    Registered,
    Registration,
    StarRecord,
    Status,
    TokenRecord,
)

__all__ = ["Registry"]


class Registry(abc.ABC):
    """Contract of a registry. Every method is atomic: it happens wholly or not at all, and when it returns, what
    it wrote survives a crash of the process. All may be called at once from many tasks of one event loop, and
    several processes may hold the same registry open.

    Errors: NotFound, Conflict and NotHostedHere as each method says; Unavailable when the store cannot be
    reached or is full (nothing was written); ConfigError from :meth:`open` when it cannot be used at all.
    """

    # -- life ---------------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def open(self) -> None:
        """Makes ready; creates an empty store with its root (``ROOT``, Kind Root, owned by the hyperuser) if
        there is none. Raises ConfigError when the store was written by a newer version or cannot be used."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Finishes what was begun and lets go. May be called twice."""

    # -- particles ----------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def register(self, registration: Registration) -> Registered:
        """Adds a particle, or does with an existing one what the strategy says.

        The parent must be registered, except that a child of the root of a route other than the present
        cosmos (``GLOBAL::executor``, ``<<STAR::…>>::star``) needs none.

        Raises:
            Conflict: the point is taken and the strategy does not allow for it.
            NotFound: the parent is not registered.
        """

    @abc.abstractmethod
    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        """The records of those of ``points`` that are registered. Look-ups that arrive together are one query."""

    async def record(self, point: Point) -> ParticleRecord:
        """The record of ``point``. Raises NotFound."""
        from ...errors import NotFound

        found = (await self.records((point,))).get(point)
        if found is None:
            raise NotFound(f"no particle {str(point)!r}")
        return found

    @abc.abstractmethod
    async def children(self, point: Point, *, after: Point | None = None, limit: int = 100) -> Page:
        """The direct children of ``point`` in the order of their points, from behind ``after``."""

    @abc.abstractmethod
    async def select(self, selector: Selector, *, after: Point | None = None, limit: int = 100) -> Page:
        """The particles that ``selector`` matches in the order of their points (by text, ROOT first), from behind
        ``after``. Reads what lies below the selector's query root at most."""

    @abc.abstractmethod
    async def delete(self, points: Sequence[Point]) -> list[ParticleRecord]:
        """Deletes each of ``points`` with everything below it: records, properties, states, sequences, and the
        grants that were made by a deleted particle or name exactly a deleted point. Returns what was deleted,
        children before parents. Points that are not there are passed over. The root cannot be deleted: Conflict."""

    @abc.abstractmethod
    async def set_status(self, point: Point, status: Status) -> None:
        """Raises NotFound."""

    @abc.abstractmethod
    async def set_properties(self, points: Sequence[Point], changes: Sequence[SetProperty | UnsetProperty]) -> None:
        """Applies ``changes`` to every one of ``points``, or to none. Raises NotFound, and Conflict when a property
        that would change or go is locked (setting a locked property to the value it has is fine)."""

    @abc.abstractmethod
    async def sequence(self, point: Point) -> int:
        """The next number of ``point``'s own counter, from 1 on; no number is given twice. Raises NotFound."""

    @abc.abstractmethod
    async def chown(self, points: Sequence[Point], owner: Point) -> None:
        """Gives every one of ``points`` to ``owner``. Raises NotFound when one is missing; then none changes."""

    # -- where they live ----------------------------------------------------------------------------------

    @abc.abstractmethod
    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        """Gives ``point`` to a star, if its assignment is still ``expected`` (compare-and-set); its status is then
        Ready.

        Raises:
            NotFound: no such particle.
            Conflict: the assignment is another by now; read the record to see whose.
            NotHostedHere: the star's ``incarnation`` is not the announced one: its lease has ended.
        """

    @abc.abstractmethod
    async def release(self, assignments: Sequence[tuple[Point, Assignment]]) -> None:
        """Ends those of the assignments that still hold; the others are passed over."""

    @abc.abstractmethod
    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        """Replaces the state of ``point``, if ``assignment`` still holds. What one process saves of one particle takes
        effect in the order in which it was asked for, also when nobody waits for it any more.

        Args:
            announce: write an entry into the change feed (somebody watches the state).

        Raises:
            NotHostedHere: the particle was assigned elsewhere, released, or deleted: nothing was written.
        """

    @abc.abstractmethod
    async def load_state(self, point: Point) -> bytes | None:
        """The saved state, None when there is none. Raises NotFound for an unknown particle."""

    # -- stars --------------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def announce(self, star: StarRecord) -> StarRecord:
        """Takes a star's place in the directory, with the next incarnation. Particles still assigned to an earlier
        incarnation of it are released. A machine may take back a star of its own name. Raises Conflict when
        another machine holds it."""

    @abc.abstractmethod
    async def renew(self, stars: Sequence[StarRecord]) -> None:
        """Counts one renewal for each star and stores ``particles``, ``kinds``, ``links`` and ``draining`` of the
        given records. Raises NotHostedHere, naming them, when one of the incarnations is no longer the
        announced one; then nothing is written."""

    @abc.abstractmethod
    async def withdraw(self, stars: Sequence[StarRecord]) -> None:
        """Takes those stars from the directory whose incarnation is the announced one, and releases their particles."""

    @abc.abstractmethod
    async def expire(self, star: StarRecord) -> bool:
        """Withdraws a star whose incarnation and ``renewals`` are still those of the given record. The caller has
        seen them stand still for so much of the lease that the star has stopped serving. Returns whether it was
        withdrawn."""

    @abc.abstractmethod
    async def stars(self) -> list[StarRecord]:
        """The directory, in the order of the keys."""

    @abc.abstractmethod
    async def hosted(self, star: StarKey, *, after: Point | None = None, limit: int = 100) -> Page:
        """The particles that are assigned to ``star``, in the order of their points."""

    # -- who may touch them -------------------------------------------------------------------------------

    @abc.abstractmethod
    async def grant(self, grant: AccessGrant) -> AccessGrant:
        """Stores a grant and returns it with its id. ``grant.by`` must be registered, or the hyperuser: NotFound."""

    @abc.abstractmethod
    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        """The grants whose query root is one of ``roots``, all when None, in the order of their ids."""

    @abc.abstractmethod
    async def revoke(self, grant_id: int) -> AccessGrant:
        """Removes a grant and returns it. Raises NotFound."""

    @abc.abstractmethod
    async def add_token(self, token: TokenRecord) -> None:
        """Stores a token's hash, replacing an entry with the same hash."""

    @abc.abstractmethod
    async def token(self, digest: str) -> TokenRecord | None:
        """What is known of the token with that hash."""

    @abc.abstractmethod
    async def tokens(self) -> list[TokenRecord]:
        """All tokens, in the order of label and hash."""

    @abc.abstractmethod
    async def revoke_token(self, digest: str) -> bool:
        """Removes a token; returns whether it was there."""

    # -- the change feed ----------------------------------------------------------------------------------

    @abc.abstractmethod
    async def revision(self) -> int:
        """The newest revision, 0 for an untouched registry."""

    @abc.abstractmethod
    async def changes(self, since: int, *, timeout: float) -> Changes:
        """What was committed behind revision ``since``, by this process or any other, at most a few thousand
        entries at once. Waits up to ``timeout`` seconds for the first; then the result may be empty."""

    committed: int = 0
    """The newest revision that this process has committed or is about to, of a registry that has to look by itself for
    what others commit: set before :meth:`changes` can have it. Machines tell each other of it (:meth:`hint`) when
    they have read it, so that nobody need look often. One that is told by its database leaves it 0."""

    def hint(self, revision: int) -> None:
        """Another machine says that ``revision`` was committed: whoever waits in :meth:`changes` for it gets it now.
        Never needed: what nobody has hinted at is found as well, a little later."""
