"""Stops: where a pipeline takes a wave (universe 6.3)."""

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
    """``(())``: the particle's own handler."""

    def __str__(self) -> str:
        return "(())"


@attrs.frozen
class ReflectStop:
    """``&``: back to the sender, as the reply."""

    def __str__(self) -> str:
        return "&"


@attrs.frozen
class PointStop:
    """``localhost:users:${user}``: the same request, to another particle."""

    point: PointVar

    def __str__(self) -> str:
        return str(self.point)


@attrs.frozen
class Call:
    """``localhost:app^Http<Get>/x``: another method and path, at another particle.

    Attributes:
        point: whom to call.
        method: an Ext or Http method.
        path: with ``${variable}`` where something is to be put in.
    """

    point: PointVar
    method: Method
    path: str = "/"

    def resolve_path(self, env: Env) -> str:
        """The path with its variables put in. Raises BadRequest when one is not set."""
        return _VARIABLE.sub(lambda found: env.variable(found[1]), self.path)

    def __str__(self) -> str:
        return f"{self.point}^{self.method}{'' if self.path == '/' else self.path}"


Stop: TypeAlias = CoreStop | ReflectStop | PointStop | Call

CORE: Final = CoreStop()
REFLECT: Final = ReflectStop()
