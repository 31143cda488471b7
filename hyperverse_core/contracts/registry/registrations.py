"""A particle to be registered, and the result."""

from __future__ import annotations

from collections.abc import Container, Mapping

import attrs

from ...errors import HyperverseError
from ...universe.address.point import Point
from ...universe.commands.strategy import Strategy
from ...universe.kinds.kind import Kind
from . import refusals
from .records import ParticleRecord, PropertyValue, Status

__all__ = ["Registered", "Registration"]


@attrs.frozen
class Registration:
    """A particle to be registered.

    Attributes:
        point: its address.
        kind: its Kind.
        owner: its owner.
        properties: its properties by name.
        strategy: what to do when the point is registered already.
        status: its initial status.
        state: its initial state, written together with its record; None for none.
        below: particles that are registered together with it, parents before their children: all of them or none. They
            are registered only if the particle itself is; their strategies do not count.
    """

    point: Point
    kind: Kind
    owner: Point
    properties: Mapping[str, PropertyValue] = attrs.field(factory=dict)
    strategy: Strategy = Strategy.COMMIT
    status: Status = Status.PENDING
    state: bytes | None = None
    below: tuple[Registration, ...] = ()

    @property
    def needed_parent(self) -> Point | None:
        """The parent that must be registered; None for ROOT and for the first point of another route."""
        parent = self.point.parent
        return None if parent is None or (parent.is_root and not self.point.route.is_local) else parent

    def record(self) -> ParticleRecord:
        """Returns the record of the particle once it is registered."""
        return ParticleRecord(self.point, self.kind, self.owner, self.status, properties=dict(self.properties))

    def misplaced(self, taken: Container[Point] = ()) -> HyperverseError | None:
        """Returns the first fault of :attr:`below`; None when there is none. A point must be neither registered already
        nor named twice, and its parent must come before it.

        Args:
            taken: the points that are registered.
        """
        there = {self.point}
        for one in self.below:
            point, parent = one.point, one.point.parent
            if point in taken or point in there:
                return refusals.already_registered(point)
            if parent is None or parent not in there:
                return refusals.no_parent(point)
            there.add(point)
        return None

    def ensured(self, existing: ParticleRecord) -> Registered:
        """Returns the result when the point is registered and not to be replaced.

        Args:
            existing: the registered record.

        Raises:
            Conflict: the strategy is Commit, or the Kind is another one.
        """
        if self.strategy is Strategy.COMMIT:
            raise refusals.already_registered(self.point, hint="create? takes it as it is")
        if existing.kind != self.kind:
            raise refusals.already_registered(self.point, f", a {str(existing.kind)!r} and not a {str(self.kind)!r}")
        return Registered(existing, created=False)


@attrs.frozen
class Registered:
    """Result of :meth:`Registry.register`.

    Attributes:
        record: the record as it is now.
        created: False when the strategy was Ensure and the particle was registered already.
    """

    record: ParticleRecord
    created: bool
