"""Commands about who may do what: grant, grants, revoke, chown, explain."""

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

__all__ = ["Chown", "Explain", "Grant", "Grants", "Revoke"]


@attrs.frozen
class Grant(Absolute):
    """``grant perm MASK | priv NAME | super on SELECTOR to SELECTOR``; the grantor is who commands it."""

    kind: GrantKind
    on: Selector
    to: Selector

    def __str__(self) -> str:
        return f"grant {self.kind} on {self.on} to {self.to}"


@attrs.frozen
class Grants(Absolute):
    """``grants [on SELECTOR] [to SELECTOR]``: grants on those particles, to those agents; None is all."""

    on: Selector | None = None
    to: Selector | None = None

    def __str__(self) -> str:
        on = "" if self.on is None else f" on {self.on}"
        return f"grants{on}{'' if self.to is None else f' to {self.to}'}"


@attrs.frozen
class Revoke(Absolute):
    """``revoke ID``: takes a grant back."""

    id: int

    def __str__(self) -> str:
        return f"revoke {self.id}"


@attrs.frozen
class Chown(Generic[P]):
    """``chown SELECTOR to POINT``: gives what matches to another owner."""

    selector: Selector
    owner: P
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Chown[PointVar], env: Env) -> Chown[Point]:
        """This command with an absolute point; raises what `PointVar.resolve` raises."""
        return Chown(self.selector, self.owner.resolve(env))

    def __str__(self) -> str:
        return f"chown {self.selector} to {self.owner}"


@attrs.frozen
class Explain(Generic[P]):
    """``explain AGENT on POINT [METHOD]``: which rule, grant and owner decide what the agent may do, and why.

    Attributes:
        agent: point of the agent.
        point: of the particle.
        method: what the agent would send; None asks for everything it may do.
    """

    agent: P
    point: P
    method: Method | None = None
    uploads: ClassVar[tuple[str, ...]] = ()

    def resolve(self: Explain[PointVar], env: Env) -> Explain[Point]:
        """This command with absolute points; raises what `PointVar.resolve` raises."""
        return Explain(self.agent.resolve(env), self.point.resolve(env), self.method)

    def __str__(self) -> str:
        return f"explain {self.agent} on {self.point}{'' if self.method is None else f' {self.method}'}"
