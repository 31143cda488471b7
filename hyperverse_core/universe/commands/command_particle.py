"""Commands about particles that exist: delete, select, get, set, read, write (universe 5.3, 5.4)."""

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
    """What is answered for each particle that a select finds."""

    STUBS = "stubs"
    """Point, Kind and status."""
    POINTS = "points"
    """The point alone."""


@attrs.frozen
class Delete(Absolute):
    """``delete SELECTOR``: what matches, and everything below it; answers what was deleted."""

    selector: Selector

    def __str__(self) -> str:
        return f"delete {self.selector}"


@attrs.frozen
class Select(Absolute):
    """``select SELECTOR [into points|stubs]``: what matches, ordered by point."""

    selector: Selector
    into: Into = Into.STUBS

    def __str__(self) -> str:
        return f"select {self.selector}{'' if self.into is Into.STUBS else f' into {self.into.value}'}"


@attrs.frozen
class Get(Generic[P]):
    """``get POINT[{ key, ... }]``

    Attributes:
        point: of the particle.
        keys: the properties that are asked for, all of them when it is empty; None asks for the state.
    """

    point: P
    keys: tuple[str, ...] | None = None
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Get[PointVar], env: Env) -> Get[Point]:
        """This command with an absolute point; raises what `PointVar.resolve` raises."""
        return Get(self.point.resolve(env), self.keys)

    def __str__(self) -> str:
        if self.keys is None:
            return f"get {self.point}"
        return f"get {self.point}{{ {', '.join(self.keys)} }}" if self.keys else f"get {self.point}{{}}"


@attrs.frozen
class Set(Generic[P]):
    """``set POINT{ +k=v, +@k=v, !k }``: set properties, set and lock them, unset them.

    Attributes:
        target: the particle that is told; or a selector, for everything that it matches: all of it or nothing. A
            selector of names alone prints as the point that it means.
        properties: what it is told.
    """

    target: P | Selector
    properties: tuple[PropertyChange, ...] = ()
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Set[PointVar], env: Env) -> Set[Point]:
        """This command with an absolute point; raises what `PointVar.resolve` raises."""
        target = self.target
        return Set(target if isinstance(target, Selector) else target.resolve(env), self.properties)

    def __str__(self) -> str:
        return f"set {self.target}{print_changes(self.properties)}"


@attrs.frozen
class Read(Generic[P]):
    """``read POINT``: asks the particle itself, with ``Cmd<Read>``."""

    point: P
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Read[PointVar], env: Env) -> Read[Point]:
        """This command with an absolute point; raises what `PointVar.resolve` raises."""
        return Read(self.point.resolve(env))

    def __str__(self) -> str:
        return f"read {self.point}"


@attrs.frozen
class Write(Generic[P]):
    """``write POINT BODY``: tells the particle itself, with ``Cmd<Update>``."""

    point: P
    body: Any

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that have to go with it."""
        return names_of(self.body)

    def resolve(self: Write[PointVar], env: Env) -> Write[Point]:
        """This command with an absolute point and the file's content."""
        return Write(self.point.resolve(env), content_of(self.body, env))

    def __str__(self) -> str:
        return f"write {self.point} {print_body(self.body)}"
