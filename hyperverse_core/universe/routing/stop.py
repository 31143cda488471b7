"""Stops: the places to which the steps of a pipeline lead. docs/reference/binds.md#pipelines."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import attrs

from ..address.env import Env
from ..address.template import PointVar
from ..waves.wave import Method

__all__ = ["CORE", "REFLECT", "Call", "CoreStop", "PointStop", "ReflectStop", "Stop"]

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
    """

    point: PointVar

    def __str__(self) -> str:
        return str(self.point)


@attrs.frozen
class Call:
    """Another particle, which gets another request: ``localhost:app^Http<Get>/x/${user}``.

    Attributes:
        point: the particle.
        method: the method of the request, of the family Ext or Http.
        path: the path of the request. It may contain variables.
    """

    point: PointVar
    method: Method
    path: str = "/"

    def resolve_path(self, env: Env) -> str:
        """Returns the path with its variables replaced by their values. Raises BadRequest if one is not set."""
        return _VARIABLE.sub(lambda found: env.variable(found[1]), self.path)

    def __str__(self) -> str:
        return f"{self.point}^{self.method}{'' if self.path == '/' else self.path}"


Stop: TypeAlias = CoreStop | ReflectStop | PointStop | Call

CORE: Final = CoreStop()
REFLECT: Final = ReflectStop()
