"""What a registry keeps and answers: particles, places, stars, tokens, changes."""

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
        address: where other machines reach that machine; empty when they cannot.
        server_key: public key that the machine proves to hold there.
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
    server_key: str = ""
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
