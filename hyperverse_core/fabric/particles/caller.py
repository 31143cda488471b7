"""Caller: the agent on whose behalf a command is carried out."""

from __future__ import annotations

import attrs

from ...universe.access.scope import Scope
from ...universe.address.point import Point
from ...universe.waves.wave import Directed

__all__ = ["Caller"]


@attrs.frozen
class Caller:
    """The agent that requests something that the policy must allow.

    Attributes:
        agent: the agent.
        scope: limits of its rights; None for no limits.
        chain: texts of the points whose handlers wait for the answer, outermost first.
        session: the session of the wave behind it; empty for none.
        wave: the wave behind it, for the logs; None for none.
    """

    agent: Point
    scope: Scope | None = None
    chain: tuple[str, ...] = ()
    session: str = ""
    wave: Directed | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def of(cls, agent: Point, wave: Directed) -> Caller:
        """Returns the caller behind a wave."""
        return cls(agent, wave.scope, wave.chain, wave.topic, wave)
