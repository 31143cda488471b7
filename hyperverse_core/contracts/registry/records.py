"""What a registry keeps and returns: particles, assignments, stars, tokens, changes."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

import attrs

from ...errors import Conflict
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.commands.strategy import Strategy
from ...universe.kind_defs.properties import SetProperty, UnsetProperty
from ...universe.kinds.kind import Kind

__all__ = [
    "Assigned",
    "Assignment",
    "Change",
    "ChangeKind",
    "Changes",
    "MachineKey",
    "Page",
    "ParticleRecord",
    "PropertyValue",
    "StarRecord",
    "Status",
    "Strategy",
    "TokenRecord",
    "Trouble",
]


class Status(enum.StrEnum):
    """State of a particle, star, driver or machine."""

    UNKNOWN = "Unknown"
    """Unknown here: a newer version wrote it, or the particle could not be asked."""
    PENDING = "Pending"
    """Registered, or made, and not started yet. A particle starts with its first wave."""
    INIT = "Init"
    """Starting."""
    READY = "Ready"
    """In service. An idle particle stays ready: it is activated again with its next wave."""
    PAUSED = "Paused"
    RESUMING = "Resuming"
    PANIC = "Panic"
    """Out of service; it is retried."""
    FATAL = "Fatal"
    """Out of service; it is not retried."""
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
        epoch: fencing number, a counter of the particle: each of its assignments has a greater one than those before,
            even when its point was deleted and registered again. It is unrelated to revisions.
    """

    star: StarKey
    incarnation: int
    epoch: int


@attrs.frozen
class ParticleRecord:
    """What the registry knows of a particle.

    Attributes:
        point: its address.
        kind: its Kind.
        owner: its owner.
        status: its state, as last recorded.
        assignment: where it lives, None when no announced star hosts it.
        properties: its properties by name.
    """

    point: Point
    kind: Kind
    owner: Point
    status: Status = Status.PENDING
    assignment: Assignment | None = None
    properties: Mapping[str, PropertyValue] = attrs.field(factory=dict)

    def changed(self, changes: Iterable[SetProperty | UnsetProperty]) -> dict[str, PropertyValue]:
        """Returns the properties after ``changes``.

        Raises:
            Conflict: a property is locked. Setting it to its current value changes nothing.
        """
        after = dict(self.properties)
        for change in changes:
            present = after.get(change.key)
            value = change.value if isinstance(change, SetProperty) else None
            if present is not None and present.locked:
                if value != present.value:
                    raise Conflict(
                        f"property {change.key!r} of {self.point.text!r} is locked",
                        hint="it cannot be changed or unset",
                    )
            elif isinstance(change, SetProperty):
                after[change.key] = PropertyValue(change.value, change.lock)
            else:
                after.pop(change.key, None)
        return after

    def replaced(self, values: Mapping[str, tuple[str, str]]) -> dict[str, PropertyValue] | None:
        """Returns the properties with other values, locked ones too; None when one is no longer as it was read.

        Args:
            values: by key, the value that was read and the value to write.
        """
        after = dict(self.properties)
        for key, (was, now) in values.items():
            present = after.get(key)
            if present is None or present.value != was:
                return None
            after[key] = PropertyValue(now, present.locked)
        return after


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
        address: the address at which other machines reach that machine; empty when they cannot.
        server_key: public key that the machine proves to hold there.
        kinds: Kinds whose particles it can host.
        links: stars to which it has lanes: the text of a key, or of a key without its index for all stars of that name,
            such as ``STAR::central:nexus``. A registry stores the texts as they are.
        particles: number of particles that it hosts, as of its last renewal.
        incarnation: grows each time that the star is announced.
        renewals: grows with each renewal. A machine that sees it unchanged for a lease may expire the star.
        lease: seconds for which a renewal is valid.
        draining: whether it accepts no new particles.
        pid: process id of the machine.
        facts: what the machine reports about itself to the others, for placing particles. A registry stores the text as
            it is.
    """

    key: StarKey
    kind: str
    machine: str
    address: str = ""
    server_key: str = ""
    kinds: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    particles: int = 0
    incarnation: int = 0
    renewals: int = 0
    lease: float = 2.0
    draining: bool = False
    pid: int = 0
    facts: str = ""


@attrs.frozen
class TokenRecord:
    """A token. The registry knows only its digest.

    Attributes:
        digest: the digest of the token (:func:`hyperverse_core.policy.token_digest`).
        agent: the agent as which its bearer acts.
        label: a name for people.
        scope: text of the scope that bounds what its bearer does; empty for none. A registry stores the text as it is.
        created: when it was made, in seconds since 1970.
        expires: when it expires, in seconds since 1970; None for never. A registry stores it; the policy refuses an
            expired token.
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


@attrs.frozen
class MachineKey:
    """The public key of a machine, which all machines of the registry admit, or no longer admit.

    Attributes:
        machine: the name of the machine.
        transport: the transport that uses this form of keys, by its name in the configuration.
        key: the public key. Each transport has it at most once.
        admitted: whether it is admitted; False once it was removed.
    """

    machine: str
    transport: str
    key: str
    admitted: bool = True


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
    """A star was announced, changed or withdrawn; the point is that of the star. Assignments to an incarnation that is
    no longer announced have ended with that, and have no entries of their own."""
    TOKEN = "token"
    """A token was added or removed; the point is its agent."""
    MACHINE = "machine"
    """A key of a machine was admitted or removed; the point is ``GLOBAL::machine``."""


@attrs.frozen
class Change:
    """One entry of the change feed.

    Attributes:
        revision: the position of the entry in the feed. Revisions grow along the feed, and have no other meaning.
        kind: what has changed.
        point: where; see :class:`ChangeKind`.
        epoch: of the new assignment, when a particle was assigned. When it was released or deleted, a number that no
            earlier assignment exceeds and every later one does. It is meaningless in other entries.
    """

    revision: int
    kind: ChangeKind
    point: Point
    epoch: int = 0


@attrs.frozen
class Changes:
    """Result of :meth:`Registry.changes`.

    Attributes:
        entries: the entries in the order of their commits.
        revision: the revision to ask from the next time.
        lost: whether entries are missing because the registry no longer keeps them. A cache must then drop everything.
        set_back: whether entries are missing because the store now has another history: a standby that had not received
            everything has taken over, or a backup was restored. Anything that was written may be gone, so a machine
            also announces its stars again. ``lost`` is true then.
    """

    entries: tuple[Change, ...]
    revision: int
    lost: bool = False
    set_back: bool = False


@attrs.frozen
class Trouble:
    """A problem to show in ``hyperverse status``. Result of :meth:`Registry.troubles`.

    Attributes:
        what: the part and what it does, such as ``"writes to the registry"``.
        cause: why, and how it ends, as one line.
        since: when it began, in seconds since the epoch.
        again: when it is tried again, in seconds since the epoch; None when it is not, or continues by itself.
    """

    what: str
    cause: str
    since: float
    again: float | None = None
