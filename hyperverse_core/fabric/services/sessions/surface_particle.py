"""The particle at the point of a session whose gateway does not provide one."""

from __future__ import annotations

from typing import Any

from ....contracts.driver import Ctx, Particle, handler
from ....contracts.gateway import Receive
from ....errors import Unavailable
from ....universe.waves.wave import Pong

__all__ = ["SurfaceParticle"]


class SurfaceParticle(Particle):
    """Represents an agent outside, and passes every wave to its gateway."""

    concurrent = True

    def __init__(self, receive: Receive | None) -> None:
        self._receive = receive

    @handler("*")
    async def hand_on(self, ctx: Ctx, whole_body: Any = None) -> Pong | None:
        """Passes the wave to the gateway, and returns its answer."""
        if self._receive is None:
            raise Unavailable(f"{ctx.point.text!r} accepts no waves")
        return await self._receive(ctx.wave)
