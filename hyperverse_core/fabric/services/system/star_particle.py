"""A star's own particle, which handles the requests of other stars. The gate accepts ``Hyp`` waves only from stars."""

from __future__ import annotations

from typing import Any

from ....contracts.driver import Ctx, Particle, handler
from ....errors import NotFound
from ....universe.address.point import Point
from ....universe.kinds.kind import Kind
from ...particles.hosting import Hosting
from ..changes.watches import Watches
from ..reports.figures import LiveFigures
from ..reports.looking import Looking
from ..reports.tracing import Tracing
from .machine_acts import MachineActs

__all__ = ["StarParticle"]

_GRACE = 5.0


class StarParticle(Particle):
    """``<<STAR::central:fold[0]>>::star``: answers Bounce, and the requests of other stars."""

    concurrent = True

    def __init__(
        self,
        hosting: Hosting,
        watches: Watches,
        tracing: Tracing,
        figures: LiveFigures,
        looking: Looking,
        acts: MachineActs,
    ) -> None:
        self._hosting = hosting
        self._watches = watches
        self._tracing = tracing
        self._figures = figures
        self._looking = looking
        self._acts = acts

    @handler("Hyp<Search>")
    async def search(self, ctx: Ctx, star: str = "", star_kind: str = "", kind: str = "") -> dict[str, Any]:
        """Returns a description of this star, if it matches by its key, its star kind, or a Kind that it can host.

        Raises NotFound if it does not match; the star that searches ignores such answers."""
        own = self._hosting.star
        kinds = self._hosting.hostable()
        if star and star != own.text:
            raise NotFound(f"this is {own.text}")
        if star_kind and star_kind != own.kind.name:
            raise NotFound(f"this is a {own.kind.name}")
        if kind and Kind.parse(kind).base not in kinds:
            raise NotFound(f"{own.text} does not host {kind}")
        return {"star": own.text, "star_kind": own.kind.name, "kinds": kinds}

    @handler("Hyp<Release>")
    async def release(self, ctx: Ctx, points: list[str]) -> int:
        """Deactivates particles that live here, with their state saved. Returns how many have left."""
        active = self._hosting.active
        leaving = [active[text] for text in points if text in active and not active[text].pinned]
        return await self._hosting.send_away(leaving, _GRACE)

    @handler("Hyp<State>")
    async def watched(self, ctx: Ctx, watches: list[tuple[str, str, str]], seconds: float) -> None:
        """Marks particles that may become active here as watched for that many seconds. Each is given with an aspect
        and its watcher."""
        for point, aspect, watcher in watches:
            self._watches.mark(Point.parse(point), aspect, Point.parse(watcher), seconds)

    @handler("Hyp<Host>")
    async def take_watches(
        self, ctx: Ctx, watcher: str, watches: list[tuple[str, str]], agents: list[str] | None = None
    ) -> None:
        """Takes over the watches of a particle that has moved here, so that this machine notifies it from now on. Each
        watch has an aspect, and the agent on whose behalf it watches, empty for none."""
        for (point, aspect), agent in zip(watches, agents or [""] * len(watches), strict=True):
            whose = Point.parse(agent) if agent else None
            self._watches.add(Point.parse(point), aspect, Point.parse(watcher), whose, counted=True)

    @handler("Hyp<Status>")
    async def tell_figures(self, ctx: Ctx, what: str = "", asked: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns the state of this machine and its counts; it continues to count for some minutes. With
        ``what``, returns its notes of single waves, or of its log."""
        return self._looking.here(what, asked or {}) if what else self._figures.here()

    @handler("Hyp<Assign>")
    async def act(self, ctx: Ctx, act: str, agent: str, kind: str = "") -> Any:
        """Performs an act on this machine as a whole. Another machine received the request, and its policy has allowed
        it to the agent."""
        return await self._acts.here(act, Point.parse(agent), ctx.wave, kind)

    @handler("Hyp<Hop>")
    async def record_hops(self, ctx: Ctx, trace: str, seconds: float) -> dict[str, Any]:
        """Records the hops of a trace on this machine for that many seconds. With 0 seconds, stops recording and
        returns the recorded hops."""
        if seconds > 0:
            self._tracing.begin(trace, seconds)
            return {"hops": [], "left_out": 0}
        return self._tracing.end(trace)
