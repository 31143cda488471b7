"""Caller: in whose name a command is carried out."""

from __future__ import annotations

import attrs

from ...universe.access.scope import Scope
from ...universe.address.point import Point

__all__ = ["Caller"]


@attrs.frozen
class Caller:
    """Who asks for something that the policy has to allow.

    Attributes:
        agent: in whose name it is done.
        scope: bounds of what it may do; None sets none.
        chain: texts of the points whose handlers wait for the answer, outermost first.
        session: the session that the wave behind it belongs to, empty for none.
    """

    agent: Point
    scope: Scope | None = None
    chain: tuple[str, ...] = ()
    session: str = ""
