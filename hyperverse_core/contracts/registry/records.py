"""What a registry keeps and returns: particles, assignments, stars, tokens, changes."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.commands.strategy import Strategy
from ...universe.kinds.kind import Kind

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
    "StarRecord",
    "Status",
    "Strategy",
    "TokenRecord",
    "Trouble",
]


class Status(enum.StrEnum):
    """State of a particle, star, driver or machine."""

    UNKNOWN = "Unknown"
    """Not known here: a newer version wrote it, or the particle could not be asked."""
    PENDING = "Pending"
    """Registered, or made, and not started yet. A particle starts with its first wave."""
    INIT = "Init"
    """Starting."""
    READY = "Ready"
    """In service. An idle particle stays ready: it is activated again with its next wave."""
    PAUSED = "Paused"
    RESUMING = "Resuming"
    PANIC = "Panic"
    """Out of service, and tried again."""
    FATAL = "Fatal"
    """Out of service, and not tried again."""
    DONE = "Done"
    """Stopped."""


@attrs.frozen
class PropertyValue:
    """The value of a property.

    Attributes:
        value: the text.
        locked: whether it can be neither changed nor unset.
    """

    value: str
    locked: bool = False


@attrs.frozen
class Assignment:
    """Where a particle lives.

    Attributes:
        star: the star that hosts the particle.
        incarnation: the incarnation of that star when the particle was assigned.
        epoch: fencing number: each new assignment of a particle has a greater one. It is the revision of the
            assignment's entry in the change feed.
    """

    star: StarKey
    incarnation: int
    epoch: int


@attrs.frozen
class ParticleRecord:
    """What the registry knows of a particle.

    Attributes:
        point: its address.
        kind: what it is.
        owner: whose it is.
        status: its state, as last recorded.
        assignment: where it lives, None when no star hosts it.
        properties: its properties by name.
    """

    point: Point
    kind: Kind
    owner: Point
    status: Status = Status.PENDING
    assignment: Assignment | None = None
    properties: Mapping[str, PropertyValue] = attrs.field(factory=dict)


@attrs.frozen
class Registration:
    """A particle to be registered.

    Attributes:
        point: its address.
        kind: what it is.
        owner: whose it is.
        properties: its properties by name.
        strategy: what happens when the point is registered already.
        status: its first status.
        state: its first state, written together with its record; None for none.
    """

    point: Point
    kind: Kind
    owner: Point
    properties: Mapping[str, PropertyValue] = attrs.field(factory=dict)
    strategy: Strategy = Strategy.COMMIT
    status: Status = Status.PENDING
    state: bytes | None = None


@attrs.frozen
class Registered:
    """Result of :meth:`Registry.register`.

    Attributes:
        record: the record as it is now.
        created: False when the strategy was Ensure and the particle was registered already.
    """

    record: ParticleRecord
    created: bool


@attrs.frozen
class Assigned:
    """Result of :meth:`Registry.assign`.

    Attributes:
        assignment: the new assignment.
        state: the saved state of the particle, None when there is none.
    """

    assignment: Assignment
    state: bytes | None


@attrs.frozen
class Page:
    """Some particles in the order of their points.

    Attributes:
        records: the particles.
        after: the last point of the page, to ask for the next page with; None when this is the last page.
    """

    records: tuple[ParticleRecord, ...]
    after: Point | None = None


@attrs.frozen
class StarRecord:
    """A star in the directory.

    Attributes:
        key: its name.
        kind: its star kind, such as ``Maelstrom``.
        machine: name of the machine that runs it.
        address: where other machines reach that machine; empty when they cannot.
        server_key: public key that the machine proves to hold there.
        kinds: Kinds whose particles it can host.
        links: stars that it has lanes to.
        particles: number of particles that it hosts, as of its last renewal.
        incarnation: grows each time that the star is announced.
        renewals: grows with each renewal. A machine that sees it unchanged for a lease may expire the star.
        lease: seconds for which a renewal is valid.
        draining: whether it takes no new particles.
        pid: process id of the machine.
        facts: what the machine tells the others about itself, for placing particles. A registry stores the text as it
            is.
    """

    key: StarKey
    kind: str
    machine: str
    address: str = ""
    server_key: str = ""
    kinds: tuple[str, ...] = ()
    links: tuple[StarKey, ...] = ()
    particles: int = 0
    incarnation: int = 0
    renewals: int = 0
    lease: float = 2.0
    draining: bool = False
    pid: int = 0
    facts: str = ""


@attrs.frozen
class TokenRecord:
    """A token. The registry knows its digest only.

    Attributes:
        digest: the digest of the token (:func:`hyperverse_core.policy.token_digest`).
        agent: the agent that its bearer acts as.
        label: a name for people.
        scope: text of the scope that bounds what its bearer does; empty for none. A registry stores the text as it is.
        created: when it was made, in seconds since 1970.
        expires: when it ends, likewise; None for never. A registry stores it; the policy refuses a token that has
            ended.
    """

    digest: str
    agent: Point
    label: str = ""
    scope: str = ""
    created: float = 0.0
    expires: float | None = None

    @property
    def id(self) -> str:
        """The beginning of its digest, by which people name it."""
        return self.digest[:12]


class ChangeKind(enum.StrEnum):
    """What an entry of the change feed is about: the particle at the entry's point, unless it says otherwise."""

    REGISTERED = "registered"
    DELETED = "deleted"
    ASSIGNED = "assigned"
    RELEASED = "released"
    STATUS = "status"
    PROPERTIES = "properties"
    STATE = "state"
    OWNER = "owner"
    """Its owner has changed. Also follows ``registered`` when a particle was overridden: owner and Kind may have
    changed."""
    GRANTED = "granted"
    """A grant was made; the point is its query root."""
    REVOKED = "revoked"
    """A grant was removed; the point is its query root."""
    STAR = "star"
    """A star was announced, changed or withdrawn; the point is that of the star."""
    TOKEN = "token"
    """A token was added or removed; the point is its agent."""


@attrs.frozen
class Change:
    """One entry of the change feed.

    Attributes:
        revision: number of the entry. Revisions grow, and may have gaps.
        kind: what has changed.
        point: where; see :class:`ChangeKind`.
    """

    revision: int
    kind: ChangeKind
    point: Point


@attrs.frozen
class Changes:
    """Result of :meth:`Registry.changes`.

    Attributes:
        entries: the entries in the order of their commits.
        revision: the revision to ask from the next time.
        lost: whether entries are missing because the registry keeps them no longer. A cache must then drop everything.
    """

    entries: tuple[Change, ...]
    revision: int
    lost: bool = False


@attrs.frozen
class Trouble:
    """Something that is not as it should be, for ``hyperverse status``. Result of :meth:`Registry.troubles`.

    Attributes:
        what: the part and what it does, such as ``"writes to the registry"``.
        cause: why, and how it ends, as one line.
        since: when it began, in seconds since the epoch.
        again: when it is tried again, in seconds since the epoch; None when it is not, or goes on by itself.
    """

    what: str
    cause: str
    since: float
    again: float | None = None
