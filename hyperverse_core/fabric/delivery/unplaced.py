"""A particle whose place is not known: a wave gives it one only when its agent may send it at all.

To place a particle is a write to the registry, so whoever may do nothing with it could otherwise cause thousands of
them: by waves that are refused, or by a Bounce, which needs no permission.
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
    """For the gate, the particle that a wave is for. For the sender, the place that answers a Bounce of an agent that
    may do nothing with the particle.

    Attributes:
        record: as the registry has it.
        star: of the sender.
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
        """Answers a Bounce. Raises BadRequest when it has a body."""
        if wave.body is not None:
            raise no_body(wave)
        return Pong(200, None, self.record.point, Outcome.OK, wave.id, self.star.text, wave.hops)

    def accept(self, wave: Directed) -> Coroutine[Any, Any, None] | None:
        """Takes a Bounce as a Signal. Raises BadRequest when it has a body."""
        if wave.body is not None:
            raise no_body(wave)
        return None
