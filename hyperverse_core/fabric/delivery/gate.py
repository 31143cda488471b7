"""Field: who may reach a particle, and by which way.

The policy is asked once for each (agent, permission, particle); the answer is kept with the particle until the
change feed says that something it may rest on has changed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ...contracts.policy import Need, Request
from ...contracts.registry import ParticleRecord
from ...errors import Forbidden, PolicyError
from ...scheduling.single_flight import SingleFlight
from ...universe.address.point import Point
from ...universe.routing.bind import BindConfig
from ...universe.waves.wave import Directed, MethodKind, Pong
from .binds import UnreadBind
from .pipeline import follow

if TYPE_CHECKING:
    from ..particles.active import Active
    from ..particles.hosting import Served
    from .outbound import Star

__all__ = ["AllowAll", "Field"]

_log = logging.getLogger("hyperverse.security")
_KEPT = 10_000


class AllowAll(dict[str, str]):
    """Stands in the place of what was granted where everybody may come: each command asks for itself."""

    def get(self, key: str, default: Any = None) -> Any:
        return "csdrwx-"

    def clear(self) -> None:
        """Nothing to forget."""


class Field:
    """The gate in front of the particles of one star."""

    def __init__(self, star: Star) -> None:
        self.star = star
        self._decisions: SingleFlight[tuple[Active, str, Need], None] = SingleFlight(self._decide, self._keep)
        self._privileges: set[tuple[Active, str, Need]] = set()

    async def authorise(self, live: Active, wave: Directed) -> None:
        """Returns when the wave may go on. Raises Forbidden."""
        if wave.method.kind is MethodKind.HYP:
            star = wave.agent.star_key
            if star is None or wave.agent != Point.of_star(star):  # clients and particles never act as a star
                raise Forbidden(f"{wave.method} is between stars")
            return
        if isinstance(live.allowed, AllowAll):
            return
        need = Need(wave.method.need)
        try:
            if wave.scope is not None:
                await self._ask(Request(wave.agent, wave.method.text, need, live.record, wave.scope, wave.chain))
            else:
                await self._decisions.get((live, wave.agent.text, need))
        except PolicyError as exc:
            self._deny(live, wave, exc)
            raise

    async def demand(self, live: Active, wave: Directed, privilege: str) -> None:
        """Returns when the agent has ``privilege`` on the particle. Raises Forbidden."""
        need = Need("", privilege)
        key = (live, wave.agent.text, need)
        if wave.scope is None and key in self._privileges:
            return
        try:
            if wave.scope is not None:
                await self._ask(Request(wave.agent, wave.method.text, need, live.record, wave.scope, wave.chain))
            else:
                await self._decisions.get(key)
        except PolicyError as exc:
            self._deny(live, wave, exc)
            raise

    def _deny(self, live: Active, wave: Directed, exc: PolicyError) -> None:
        _log.info("denied: %s %s %s: %s", wave.agent, wave.method, live.text, exc, extra={"wave": wave.id})
        machine = self.star.machine
        if machine.observers:
            machine.observed("access_denied", wave.agent, live.point, wave.method.text, str(exc))

    async def _decide(self, key: tuple[Active, str, Need]) -> None:
        live, agent, need = key
        await self._ask(Request(Point.parse(agent), "", need, live.record))

    async def _ask(self, request: Request) -> None:
        (await self.star.machine.policy.decide(request)).check()

    def _keep(self, key: tuple[Active, str, Need], _: None) -> None:
        live, agent, need = key
        if need.privilege:
            if len(self._privileges) >= _KEPT:
                self._privileges.clear()
            self._privileges.add(key)
        else:
            live.allowed[agent] = live.allowed.get(agent, "") + need.permission

    def forget(self) -> None:
        """Answers of the policy may have changed."""
        self._decisions.forget_all()
        self._privileges.clear()
        for live in self.star.hosting.live.values():
            live.allowed.clear()

    def first_bind(self, record: ParticleRecord, hosted: Served) -> BindConfig | UnreadBind | None:
        """The routes of a particle: its ``bind`` property's, read when the first wave comes, else its driver's."""
        own = record.properties.get("bind")
        return hosted.bind if own is None else UnreadBind(own.value)

    async def follow(self, live: Active, wave: Directed) -> Pong | None:
        """Sends the wave by the route that its bind has for it; None lets it through to the particle."""
        return await follow(self.star, live, wave)

    async def close(self) -> None:
        """Ends decisions that are under way."""
        await self._decisions.close()
