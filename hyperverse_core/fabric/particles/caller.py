"""Caller: in whose name a command is carried out."""

from __future__ import annotations

import attrs

from ...universe.access.scope import Scope
from ...universe.address.point import Point
from ...universe.waves.wave import Directed

__all__ = ["Caller"]


@attrs.frozen
class Caller:
    """The agent that asks for something which the policy has to allow.

    Attributes:
        agent: in whose name it is done.
        scope: bounds of what it may do; None sets none.
        chain: texts of the points whose handlers wait for the answer, outermost first.
        session: the session that the wave behind it belongs to, empty for none.
        wave: the wave behind it, for the logs; None for none.
    """

    agent: Point
    scope: Scope | None = None
    chain: tuple[str, ...] = ()
    session: str = ""
    wave: Directed | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def of(cls, agent: Point, wave: Directed) -> Caller:
        """The caller behind a wave."""
        return cls(agent, wave.scope, wave.chain, wave.topic, wave)
