"""The particle that represents a client, and forwards waves to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..contracts.driver import Ctx, Particle, handler
from ..errors import BadRequest
from ..universe.address.point import GLOBAL_EXECUTOR, Point
from ..universe.waves.wave import Directed, Pong
from .cli_sessions import CliSessions

__all__ = ["ControlParticle"]


class ControlParticle(Particle):
    """Forwards every wave to the client, and returns the client's reply; serves the client's sessions itself.

    Args:
        relay: sends a wave to the client and returns its reply, None for a Signal.
        sessions: the sessions of the client.
    """

    concurrent = True

    def __init__(self, relay: Callable[[Directed], Awaitable[Pong | None]], sessions: CliSessions) -> None:
        self._relay = relay
        self._sessions = sessions

    @handler("Ext<NewCliSession>")
    async def new_session(self, ctx: Ctx, working: str = "ROOT") -> str:
        """Opens a session and returns its surface."""
        return str(self._sessions.open(ctx.wave.sender, Point.parse(working)).surface)

    @handler("Ext<Exec>")
    async def execute(
        self,
        ctx: Ctx,
        text: str,
        working: str = "",
        keep_going: bool = False,
        files: dict[str, bytes] | None = None,
    ) -> Pong:
        """Runs a command or a script in a session; ``working`` changes the session's working point."""
        if not ctx.wave.topic:
            raise BadRequest("Ext<Exec> needs a session", hint="send it to the surface of Ext<NewCliSession>")
        session = self._sessions.find(ctx.wave.sender, ctx.wave.topic)
        if working:
            session.working = Point.parse(working)
        body: Mapping[str, Any] = {
            "text": text,
            "keep_going": keep_going,
            "working": session.working.text,
            "files": files or {},
        }
        return await ctx.on_behalf.ping(GLOBAL_EXECUTOR, "Cmd<RawCommand>", body)

    @handler("*")
    async def hand_on(self, ctx: Ctx, whole_body: Any = None) -> Pong | None:
        """Forwards every other wave to the client unchanged."""
        return await self._relay(ctx.wave)
