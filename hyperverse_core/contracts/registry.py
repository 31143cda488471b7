"""The Registry: where each particle lives, what it is, and who may touch it.

Everything durable of a Hyperverse is here. Several machines may share one registry; what two of them
decide at once is settled by compare-and-set in it, and each of them tails :meth:`Registry.changes` and
drops what it has cached.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Iterable, Mapping, Sequence

import attrs

from ..universe.access import AccessGrant
from ..universe.kind import Kind
from ..universe.point import Point
from ..universe.properties import SetProperty, UnsetProperty
from ..universe.selector import Selector
from ..universe.star_key import StarKey

__all__ = [
    "Assigned",
    "Assignment",
    "Change",
    "ChangeKind",
    "Changes",
    "Page",
    "ParticleRecord",
    "PropertyValue",
    "Registered",
    "Registration",
    "Registry",
    "StarRecord",
    "Status",
    "Strategy",
    "TokenRecord",
]


class Status(enum.StrEnum):
    """State of a particle, star, driver or machine (universe 5.1)."""

    UNKNOWN = "Unknown"
    PENDING = "Pending"
    INIT = "Init"
    READY = "Ready"
    PAUSED = "Paused"
    RESUMING = "Resuming"
    PANIC = "Panic"
    """It cannot serve now; it is tried again."""
    FATAL = "Fatal"
    """It cannot serve, and trying again would not help."""
    DONE = "Done"


class Strategy(enum.StrEnum):
    """What registering does when the point is taken (hyperverse 3.5)."""

    COMMIT = "create"
    """Conflict."""
    ENSURE = "create?"
    """Fine when it has the same Kind, and nothing is changed; Conflict otherwise."""
    OVERRIDE = "create!"
    """Kind, owner and properties are replaced, state and assignment dropped; children stay. Conflict when the
    Kind would change while there are children."""


@attrs.frozen
class PropertyValue:
    """A property's value, and whether it is locked against change."""

    value: str
    locked: bool = False


@attrs.frozen
class Assignment:
    """Where a particle lives.

    Attributes:
        star: the star that hosts it.
        incarnation: of that star, at the time it was assigned.
        epoch: fencing number; every new assignment of a particle has a greater one. It is the revision of the
            assignment's entry in the change feed.
    """

    star: StarKey
    incarnation: int
    epoch: int


@attrs.frozen
class ParticleRecord:
    """What the registry knows of a particle."""

    point: Point
    kind: Kind
    owner: Point
    status: Status = Status.PENDING
    assignment: Assignment | None = None
    properties: Mapping[str, PropertyValue] = attrs.field(factory=dict)


@attrs.frozen
class Registration:
    """A particle to be registered."""

    point: Point
    kind: Kind
    owner: Point
    properties: Mapping[str, PropertyValue] = attrs.field(factory=dict)
    strategy: Strategy = Strategy.COMMIT
    status: Status = Status.PENDING
    state: bytes | None = None
    """First state of the particle, written with its record."""


@attrs.frozen
class Registered:
    """Result of :meth:`Registry.register`; ``created`` is False when Ensure found it there."""

    record: ParticleRecord
    created: bool


@attrs.frozen
class Assigned:
    """Result of :meth:`Registry.assign`: the new assignment, and the particle's saved state."""

    assignment: Assignment
    state: bytes | None


@attrs.frozen
class Page:
    """Some particles in the order of their points; ``after`` continues, None when that was all."""

    records: tuple[ParticleRecord, ...]
    after: Point | None = None


@attrs.frozen
class StarRecord:
    """A star in the directory.

    Attributes:
        key: its name.
        kind: its star kind, such as ``Maelstrom``.
        machine: name of the machine that runs it.
        address: where that machine's star door can be reached, empty when nowhere.
        door_key: public key of that door.
        kinds: Kinds whose particles it can host.
        links: stars that it has lanes to.
        particles: how many it hosts, as of its last renewal.
        incarnation: grows each time that somebody announces the star.
        renewals: grows with each renewal; whoever sees it stand still for a lease may expire the star.
        lease: seconds for which a renewal is good.
        draining: it takes no new particles.
        pid: process id of the machine.
    """

    key: StarKey
    kind: str
    machine: str
    address: str = ""
    door_key: str = ""
    kinds: tuple[str, ...] = ()
    links: tuple[StarKey, ...] = ()
    particles: int = 0
    incarnation: int = 0
    renewals: int = 0
    lease: float = 2.0
    draining: bool = False
    pid: int = 0


@attrs.frozen
class TokenRecord:
    """A token, known by its hash only.

    Attributes:
        digest: hex SHA-256 of the token.
        agent: in whose name its bearer acts.
        label: for people.
    """

    digest: str
    agent: Point
    label: str = ""


class ChangeKind(enum.StrEnum):
    """What an entry of the change feed is about."""

    REGISTERED = "registered"
    DELETED = "deleted"
    ASSIGNED = "assigned"
    RELEASED = "released"
    STATUS = "status"
    PROPERTIES = "properties"
    STATE = "state"
    OWNER = "owner"
    """Also behind ``registered``, when a particle was overridden: owner and Kind may be others."""
    GRANTED = "granted"
    """``point`` is the query root of the grant."""
    REVOKED = "revoked"
    STAR = "star"
    """A star was announced, changed or withdrawn; ``point`` is its point."""
    TOKEN = "token"


@attrs.frozen
class Change:
    """One entry of the change feed. Revisions grow; there may be gaps between them."""

    revision: int
    kind: ChangeKind
    point: Point


@attrs.frozen
class Changes:
    """Result of :meth:`Registry.changes`.

    Attributes:
        entries: in the order in which they were committed.
        revision: ask from here the next time.
        lost: older entries than the registry keeps were asked for; whoever caches must drop everything.
    """

    entries: tuple[Change, ...]
    revision: int
    lost: bool = False


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
        from ..errors import NotFound

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
