"""Particles without a known place: the machine places one for a wave only if the agent may send that wave at all.

Placing a particle is a write to the registry. Otherwise an agent without any right on particles could cause thousands
of writes with waves that are refused, or with a Bounce, which needs no permission.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import attrs

from ...contracts.registry import ParticleRecord
from ...universe.waves.wave import Directed, Outcome, Pong
from ..particles.built_in import no_body
from ..particles.letters import NOBODY
from ..stars.star import Star

__all__ = ["Unplaced"]


@attrs.define(eq=False)
class Unplaced:
    """For the gate, the particle to which a wave is sent. For the sender, the place that answers a Bounce of an agent
    that has no rights on the particle.

    Attributes:
        record: its record in the registry.
        star: the star of the sender.
    """

    record: ParticleRecord
    star: Star
    allowed: dict[str, str] = NOBODY
    gone: bool = True
    remote: bool = False
    text: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.text = self.record.point.text

    async def receive(self, wave: Directed) -> Pong:
        """Answers a Bounce. Raises BadRequest if it has a body."""
        if wave.body is not None:
            raise no_body(wave)
        return Pong(200, None, self.record.point, Outcome.OK, wave.id, self.star.text, wave.hops)

    def accept(self, wave: Directed) -> Coroutine[Any, Any, None] | None:
        """Accepts a Bounce as a Signal. Raises BadRequest if it has a body."""
        if wave.body is not None:
            raise no_body(wave)
        return None
