"""Commands about access: grant, grants, revoke, chown, explain, access. docs/reference/commands.md#access."""

from __future__ import annotations

from typing import ClassVar, Generic

import attrs

from ..access.grant import GrantKind
from ..address.env import Env
from ..address.point import Point
from ..address.template import PointVar
from ..selectors.selector import Selector
from ..waves.wave import Method
from .command_parts import Absolute, P

__all__ = ["Chown", "Explain", "Grant", "Grants", "Revoke", "ShowAccess"]


@attrs.frozen
class Grant(Absolute):
    """Gives rights to agents: ``grant perm MASK | priv NAME | super on SELECTOR to SELECTOR [dry-run]``.

    The grantor is the agent of the command.

    Attributes:
        kind: what is given.
        on: the particles on which it is given.
        to: the agents to whom it is given.
        dry_run: whether to tell only what it would change.
    """

    kind: GrantKind
    on: Selector
    to: Selector
    dry_run: bool = False

    def __str__(self) -> str:
        return f"grant {self.kind} on {self.on} to {self.to}{_dry_run(self.dry_run)}"


@attrs.frozen
class Grants(Absolute):
    """Lists grants: ``grants [on SELECTOR] [to SELECTOR]``.

    Attributes:
        on: the particles on which they are given; None for all.
        to: the agents to whom they are given; None for all.
    """

    on: Selector | None = None
    to: Selector | None = None

    def __str__(self) -> str:
        on = "" if self.on is None else f" on {self.on}"
        return f"grants{on}{'' if self.to is None else f' to {self.to}'}"


@attrs.frozen
class Revoke(Absolute):
    """Revokes a grant: ``revoke ID [dry-run]``.

    Attributes:
        id: the number of the grant.
        dry_run: whether to tell only what it would change.
    """

    id: int
    dry_run: bool = False

    def __str__(self) -> str:
        return f"revoke {self.id}{_dry_run(self.dry_run)}"


@attrs.frozen
class Chown(Generic[P]):
    """Changes the owner of particles: ``chown SELECTOR to POINT [dry-run]``.

    Attributes:
        selector: the particles.
        owner: the new owner.
        dry_run: whether to tell only what it would change.
    """

    selector: Selector
    owner: P
    dry_run: bool = False
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Chown[PointVar], env: Env) -> Chown[Point]:
        """Returns the command with an absolute point. Raises what `PointVar.resolve` raises."""
        return Chown(self.selector, self.owner.resolve(env), self.dry_run)

    def __str__(self) -> str:
        return f"chown {self.selector} to {self.owner}{_dry_run(self.dry_run)}"


@attrs.frozen
class Explain(Generic[P]):
    """Explains what an agent may do on a particle, and why: ``explain AGENT on POINT [METHOD | ACT]``.

    Attributes:
        agent: the agent.
        point: the particle.
        method: the method that the agent would send; None for everything that it may do, or for an act.
        act: the word of a command (``create``, ``chown``), or what would be done to a machine (``drain``); empty for
            none.
    """

    agent: P
    point: P
    method: Method | None = None
    act: str = ""
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Explain[PointVar], env: Env) -> Explain[Point]:
        """Returns the command with absolute points. Raises what `PointVar.resolve` raises."""
        return Explain(self.agent.resolve(env), self.point.resolve(env), self.method, self.act)

    def __str__(self) -> str:
        asked = self.act if self.method is None else self.method
        return f"explain {self.agent} on {self.point}{f' {asked}' if asked else ''}"


@attrs.frozen
class ShowAccess(Generic[P]):
    """Lists who may do what on a particle: ``access POINT``.

    Attributes:
        point: the particle.
    """

    point: P
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: ShowAccess[PointVar], env: Env) -> ShowAccess[Point]:
        """Returns the command with an absolute point. Raises what `PointVar.resolve` raises."""
        return ShowAccess(self.point.resolve(env))

    def __str__(self) -> str:
        return f"access {self.point}"


def _dry_run(wanted: bool) -> str:
    return " dry-run" if wanted else ""
