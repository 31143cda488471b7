"""The contract of a registry: what each method does, and what is atomic."""

from __future__ import annotations

import abc
from collections.abc import Collection, Iterable, Mapping, Sequence

from ...errors import BadRequest, NotFound
from ...universe.access.access import AccessGrant
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.kind_defs.properties import SetProperty, UnsetProperty
from ...universe.selectors.selector import Selector
from .records import (
    Assigned,
    Assignment,
    Changes,
    MachineKey,
    Page,
    ParticleRecord,
    Registered,
    Registration,
    StarRecord,
    Status,
    TokenRecord,
    Trouble,
)

__all__ = ["Registry"]


class Registry(abc.ABC):
    """Contract of a registry.

    Every method is atomic: it happens completely or not at all, and what it wrote survives a crash of the process once
    it has returned. Many tasks of one event loop may call all methods at the same time, and several processes may have
    the same registry open.

    An assignment holds as long as its star is announced in that incarnation. When the star is withdrawn, expires, or is
    announced again, the registry writes nothing for each of its particles, of which there may be a million: one STAR
    entry of the change feed tells everybody, and an assignment that holds no more reads as None from then on.

    Pages and lists of particles are in the order of the points, which is the order of their texts with ROOT first.

    Raises:
        NotFound, Conflict, NotHostedHere: as each method says. Nothing was written then.
        Unavailable: any method; the store cannot be reached or is full. Nothing was written.
        OutcomeUnknown: any method that writes; the connection to the store broke, and the registry could not find out
            whether it was committed. A registry raises it only when it stays so.
        ConfigError: only :meth:`open`; the store cannot be used at all.
    """

    # -- life ---------------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def open(self) -> None:
        """Makes the registry ready. Creates an empty store if there is none: it has only its root, the point ``ROOT``
        of the Kind Root, owned by the hyperuser.

        Raises:
            ConfigError: the store was written by a newer version, or cannot be used.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Finishes the calls that are under way, and closes the store. May be called twice."""

    def trouble(self) -> str:
        """What keeps the store from being written, as ``hyperverse status`` shows it; empty when nothing is known to.
        It must return at once."""
        return ""

    def troubles(self) -> Sequence[Trouble]:
        """What else is not as it should be, as ``hyperverse status`` shows it: writes that take long, a log that grows.
        It must return at once. The default returns nothing."""
        return ()

    # -- particles ----------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def register(self, registration: Registration) -> Registered:
        """Registers a particle. When its point is registered already, the strategy says what happens.

        The parent must be registered, except that a child of the root of a route other than this Hyperverse
        (``GLOBAL::executor``, ``<<STAR::…>>::star``) needs none.

        Args:
            registration: the particle, with its strategy, its first state, and what is registered below it in the same
                write.

        Raises:
            Conflict: the point is registered, and the strategy does not allow that; or it would be replaced and
                something registered below it.
            NotFound: the parent is not registered, or that of one below.
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
            after: the point behind which the page begins; None for the first page.
            limit: how many records the page has at most.
        """

    @abc.abstractmethod
    async def select(self, selector: Selector, *, after: Point | None = None, limit: int = 100) -> Page:
        """Returns a page of the particles that ``selector`` matches. Reads at most what is at and below the selector's
        query root.

        Args:
            after: the point behind which the page begins; None for the first page.
            limit: how many records the page has at most.
        """

    @abc.abstractmethod
    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        """Deletes each of ``points`` with everything below it: records, properties, states, sequences, the grants that
        a deleted particle made or that name exactly a deleted point, and the tokens whose agent is deleted. Skips
        points that are not registered.

        Args:
            points: the particles to delete.
            limit: delete at most so many particles now, none before everything below it. The caller goes on until
                fewer are deleted. So other writes, such as the renewal of a lease, get their turn in between. None
                deletes all at once.

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
        """Applies ``changes``, in their order, to each of ``points``, or to none of them. What a Kind allows is not
        checked here.

        Raises:
            NotFound: one of ``points`` is not registered.
            Conflict: a locked property would be unset or get another value. Setting it to the value that it has is
                allowed.
        """

    @abc.abstractmethod
    async def replace_values(self, point: Point, values: Mapping[str, tuple[str, str]]) -> bool:
        """Writes values of properties of ``point`` in another form, locked ones too, if all of them are still as they
        were read. What an older release has written in clear is encrypted so, and what was encrypted with an older key.
        A value that was replaced should not be left in what the store has freed.

        Args:
            values: for each key the value that was read, and the one to write.

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

    # -- where they live ----------------------------------------------------------------------------------

    @abc.abstractmethod
    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        """Assigns ``point`` to ``star`` if its assignment is still ``expected`` (compare-and-set). Its status is Ready
        then.

        Args:
            incarnation: the announced incarnation of ``star``.
            expected: the assignment that the caller has read; None for none. One whose star has gone since it was read
                is as good as None.

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

        What one process saves for one particle takes effect in the order of the calls, also when a caller was cancelled
        in the meantime.

        Args:
            announce: whether to add an entry to the change feed, because somebody watches the state.

        Raises:
            NotHostedHere: the particle was assigned again, released, or deleted.
        """

    @abc.abstractmethod
    async def load_state(self, point: Point) -> bytes | None:
        """Returns the saved state of ``point``, None when there is none. What this process has begun to save before is
        settled by then, also when a caller was cancelled in the meantime: no such save takes effect afterwards.

        Raises:
            NotFound: ``point`` is not registered.
        """

    # -- stars --------------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def announce(self, star: StarRecord) -> StarRecord:
        """Enters ``star`` into the directory with its next incarnation. No assignment to an earlier one holds from then
        on, nor to an incarnation of the given record or before, whatever the directory says: a store that was restored
        may know of fewer than there were. A machine may announce a star again that it holds already.

        Returns:
            the record with its new incarnation, and 0 renewals.

        Raises:
            Conflict: another machine holds the star.
        """

    @abc.abstractmethod
    async def renew(self, stars: Sequence[StarRecord]) -> None:
        """Counts one renewal for each of ``stars``, and stores ``particles``, ``kinds``, ``links``, ``address``,
        ``server_key``, ``draining`` and ``facts`` of the given records. Renews all or none, in one small write. The
        change feed does not tell of changes of ``particles`` and ``facts``.

        Raises:
            NotHostedHere: one of the incarnations is no longer the announced one. The message names the star.
        """

    @abc.abstractmethod
    async def withdraw(self, stars: Sequence[StarRecord]) -> None:
        """Removes those of ``stars`` from the directory whose incarnation is the announced one, and skips the others.
        No assignment to them holds from then on."""

    @abc.abstractmethod
    async def expire(self, star: StarRecord) -> bool:
        """Withdraws ``star`` if its incarnation and ``renewals`` are still those of the given record.

        The caller has seen that they did not change for so much of the lease that the star has stopped serving.

        Returns:
            whether the star was withdrawn.
        """

    @abc.abstractmethod
    async def stars(self, keys: Collection[StarKey] | None = None) -> list[StarRecord]:
        """Returns those of the stars with ``keys`` that are announced, the whole directory when ``keys`` is None, in
        the order of their keys. What is read for some keys does not depend on how many stars there are."""

    @abc.abstractmethod
    async def hosted(self, star: StarKey, *, after: Point | None = None, limit: int = 100) -> Page:
        """Returns a page of the particles that are assigned to the announced incarnation of ``star``.

        Args:
            after: the point behind which the page begins; None for the first page.
            limit: how many records the page has at most.
        """

    # -- who may touch them -------------------------------------------------------------------------------

    @abc.abstractmethod
    async def grant(self, grant: AccessGrant) -> AccessGrant:
        """Stores ``grant``, and returns it with its id, which no other grant ever has.

        Raises:
            NotFound: the grantor (``grant.by``) is not registered and is not the hyperuser.
        """

    @abc.abstractmethod
    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        """Returns the grants whose query root is one of ``roots``, all grants when ``roots`` is None, in the order of
        their ids."""

    async def grant_roots(self, most: int) -> frozenset[Point] | None:
        """Returns the query roots of all grants, so that nobody need ask for the grants of other points; None when they
        are more than ``most``, or when the registry cannot tell them without reading all grants, which is the default.
        """
        return None

    @abc.abstractmethod
    async def revoke(self, grant_id: int) -> AccessGrant:
        """Removes the grant with the id ``grant_id``, and returns it.

        Raises:
            NotFound: there is no such grant.
        """

    @abc.abstractmethod
    async def add_token(self, token: TokenRecord) -> None:
        """Stores ``token``, and replaces one with the same digest."""

    @abc.abstractmethod
    async def token(self, digest: str) -> TokenRecord | None:
        """Returns the token with that ``digest``, None when there is none."""

    @abc.abstractmethod
    async def tokens(self) -> list[TokenRecord]:
        """Returns all tokens, ordered by label and digest."""

    @abc.abstractmethod
    async def revoke_token(self, digest: str) -> bool:
        """Removes the token with that ``digest``. Returns whether there was one."""

    # -- which machines are let in ------------------------------------------------------------------------

    async def machine_keys(self) -> list[MachineKey]:
        """Returns the keys of machines that were let in or removed here, by transport and key. The default, of a
        registry that keeps none, returns nothing: machines are let in by the key files of each host then."""
        return []

    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        """Stores ``keys``, each in the place of one with the same transport and key: all of them or none.

        Args:
            invitation: the digest of an invitation, which is spent by this; None stores without one.

        Raises:
            NotFound: there is no such invitation, or no longer: it was spent, or its time is over.
            BadRequest: this registry keeps no keys; so does the default.
        """
        raise _keeps_no_keys()

    async def add_invitation(self, digest: str, seconds: float) -> None:
        """Stores an invitation, which :meth:`set_machine_keys` spends.

        Args:
            digest: the digest of its text (:func:`hyperverse_core.policy.token_digest`).
            seconds: how long it can be spent, in seconds by the clock of the store.

        Raises:
            BadRequest: this registry keeps no invitations; so does the default.
        """
        raise _keeps_no_keys()

    # -- the change feed ----------------------------------------------------------------------------------

    @abc.abstractmethod
    async def revision(self) -> int:
        """Returns the newest revision, 0 when nothing was ever written. It is a place in the feed, to be given to
        :meth:`changes` again. It grows, and says nothing else."""

    @abc.abstractmethod
    async def changes(self, since: int, *, timeout: float) -> Changes:
        """Returns what this or any other process has committed behind the revision ``since``, at most a few thousand
        entries. All readers see the same entries in one order, in which those of one particle stand as they were
        committed; none is left out or repeated. If some cannot be read any more, the result says so and has none.

        Args:
            timeout: seconds to wait for the first entry. When there is none by then, the result has no entries.
        """

    committed: int = 0
    """The newest revision that this process has committed or is about to commit, set before :meth:`changes` can return
    it. A registry that polls for commits of other processes sets it: machines tell one another of it (see
    :meth:`notice`), so that it need not poll often. A registry that its database notifies leaves it 0."""

    def notice(self, revision: int) -> None:
        """Takes the notice that another machine has committed ``revision``: callers that wait for it in :meth:`changes`
        get it at once. Without a notice a registry finds it as well, a little later. The default does nothing."""


def _keeps_no_keys() -> BadRequest:
    return BadRequest(
        "this registry keeps no keys of machines",
        hint="allow the key on each host instead, with `hyperverse keys allow`",
    )
