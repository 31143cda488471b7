"""Commands about existing particles: delete, select, get, set, read, write. docs/reference/commands.md#particles."""

from __future__ import annotations

import enum
from typing import Any, ClassVar, Generic

import attrs

from ..address.env import Env
from ..address.point import Point
from ..address.template import PointVar
from ..kind_defs.properties import PropertyChange
from ..selectors.selector import Selector
from .body import print_body
from .command_parts import Absolute, P, content_of, names_of, print_changes

__all__ = ["Delete", "Get", "Into", "Read", "Select", "Set", "Write"]


class Into(enum.StrEnum):
    """What `Select` answers for each particle."""

    STUBS = "stubs"
    """Its point, Kind and status."""
    POINTS = "points"
    """Its point only."""


@attrs.frozen
class Delete(Absolute):
    """Deletes particles and everything below them, and answers what was deleted: ``delete SELECTOR [dry-run]``.

    Attributes:
        selector: the particles.
        dry_run: whether it only answers what it would delete.
    """

    selector: Selector
    dry_run: bool = False

    def __str__(self) -> str:
        return f"delete {self.selector}{' dry-run' if self.dry_run else ''}"


@attrs.frozen
class Select(Absolute):
    """Lists particles, ordered by point: ``select SELECTOR [into points|stubs]``.

    Attributes:
        selector: the particles.
        into: what is answered for each.
    """

    selector: Selector
    into: Into = Into.STUBS

    def __str__(self) -> str:
        return f"select {self.selector}{'' if self.into is Into.STUBS else f' into {self.into.value}'}"


@attrs.frozen
class Get(Generic[P]):
    """Reads the state or the properties of a particle in the registry: ``get POINT[{ key, ... }]``.

    Attributes:
        point: the particle.
        keys: the properties to read; empty for all properties, None for the state.
    """

    point: P
    keys: tuple[str, ...] | None = None
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Get[PointVar], env: Env) -> Get[Point]:
        """Returns the command with an absolute point. Raises what `PointVar.resolve` raises."""
        return Get(self.point.resolve(env), self.keys)

    def __str__(self) -> str:
        if self.keys is None:
            return f"get {self.point}"
        return f"get {self.point}{{ {', '.join(self.keys)} }}" if self.keys else f"get {self.point}{{}}"


@attrs.frozen
class Set(Generic[P]):
    """Sets properties (``+k=v``), sets and locks them (``+@k=v``), or removes them (``!k``): ``set POINT{ ... }``.

    Attributes:
        target: a particle, or a selector of particles. All of them are changed, or none.
        properties: the changes.
    """

    target: P | Selector
    properties: tuple[PropertyChange, ...] = ()
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Set[PointVar], env: Env) -> Set[Point]:
        """Returns the command with an absolute point. Raises what `PointVar.resolve` raises."""
        target = self.target
        return Set(target if isinstance(target, Selector) else target.resolve(env), self.properties)

    def __str__(self) -> str:
        return f"set {self.target}{print_changes(self.properties)}"


@attrs.frozen
class Read(Generic[P]):
    """Asks a particle with ``Cmd<Read>``: ``read POINT``.

    Attributes:
        point: the particle.
    """

    point: P
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Read[PointVar], env: Env) -> Read[Point]:
        """Returns the command with an absolute point. Raises what `PointVar.resolve` raises."""
        return Read(self.point.resolve(env))

    def __str__(self) -> str:
        return f"read {self.point}"


@attrs.frozen
class Write(Generic[P]):
    """Changes a particle with ``Cmd<Update>``: ``write POINT BODY``.

    Attributes:
        point: the particle.
        body: the body of the request.
    """

    point: P
    body: Any

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that must be sent with the command."""
        return names_of(self.body)

    def resolve(self: Write[PointVar], env: Env) -> Write[Point]:
        """Returns the command with an absolute point and the content of its file."""
        return Write(self.point.resolve(env), content_of(self.body, env))

    def __str__(self) -> str:
        return f"write {self.point} {print_body(self.body)}"
