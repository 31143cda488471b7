"""Stops: the places to which the steps of a pipeline lead. docs/reference/binds.md#pipelines."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import attrs

from ..address.env import Env
from ..address.template import PointVar
from ..waves.wave import Method

__all__ = ["CORE", "REFLECT", "Call", "CoreStop", "PointStop", "ReflectStop", "Stop"]

_CALLER: Final = "(caller) "
_VARIABLE: Final = re.compile(r"\$\{([^}]*+)\}")


@attrs.frozen
class CoreStop:
    """The handlers of the particle itself: ``(())``."""

    def __str__(self) -> str:
        return "(())"


@attrs.frozen
class ReflectStop:
    """The sender, who gets the reply: ``&``."""

    def __str__(self) -> str:
        return "&"


@attrs.frozen
class PointStop:
    """Another particle, which gets the same request: ``localhost:users:${user}``.

    Attributes:
        point: the particle.
        for_caller: whether it is reached with the rights of the caller, within those of the owner of the particle that
            has the bind; else with the rights of that particle.
    """

    point: PointVar
    for_caller: bool = False

    def __str__(self) -> str:
        return f"{_CALLER if self.for_caller else ''}{self.point}"


@attrs.frozen
class Call:
    """Another particle, which gets another request: ``localhost:app^Http<Get>/x/${user}``.

    Attributes:
        point: the particle.
        method: the method of the request, of the family Ext or Http.
        path: the path of the request. It may contain variables.
        for_caller: as in :class:`PointStop`.
    """

    point: PointVar
    method: Method
    path: str = "/"
    for_caller: bool = False

    def resolve_path(self, env: Env) -> str:
        """Returns the path with its variables replaced by their values. Raises BadRequest if one is not set."""
        return _VARIABLE.sub(lambda found: env.variable(found[1]), self.path)

    def __str__(self) -> str:
        caller = _CALLER if self.for_caller else ""
        return f"{caller}{self.point}^{self.method}{'' if self.path == '/' else self.path}"


Stop: TypeAlias = CoreStop | ReflectStop | PointStop | Call

CORE: Final = CoreStop()
REFLECT: Final = ReflectStop()
