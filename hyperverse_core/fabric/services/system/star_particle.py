"""A star's own particle: what stars ask of each other. ``Hyp`` waves come from stars only; the gate sees to it."""

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
    """``<<STAR::central:fold[0]>>::star``: answers Bounce, and what other stars ask."""

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
        """What this star is, if it is meant: by its key, its star kind, or a Kind that it can host.

        Raises NotFound otherwise; whoever searches leaves such echoes out."""
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
        """Lets go of particles that live here, with their state saved; how many have gone."""
        active = self._hosting.active
        leaving = [active[text] for text in points if text in active and not active[text].pinned]
        return await self._hosting.send_away(leaving, _GRACE)

    @handler("Hyp<State>")
    async def watched(self, ctx: Ctx, watches: list[tuple[str, str, str]], seconds: float) -> None:
        """Particles that may come to live here are watched for so many seconds from now on: each is named with an
        aspect and with who watches it."""
        for point, aspect, watcher in watches:
            self._watches.mark(Point.parse(point), aspect, Point.parse(watcher), seconds)

    @handler("Hyp<Host>")
    async def take_watches(
        self, ctx: Ctx, watcher: str, watches: list[tuple[str, str]], agents: list[str] | None = None
    ) -> None:
        """A particle that watches others, each named with an aspect, has come here: it is told from here on. For each
        there is the agent in whose name it watches, empty for none."""
        for (point, aspect), agent in zip(watches, agents or [""] * len(watches), strict=True):
            whose = Point.parse(agent) if agent else None
            self._watches.add(Point.parse(point), aspect, Point.parse(watcher), whose, counted=True)

    @handler("Hyp<Status>")
    async def tell_figures(self, ctx: Ctx, what: str = "", asked: dict[str, Any] | None = None) -> dict[str, Any]:
        """How this machine is, and what it has counted; it goes on counting for some minutes. With ``what`` its notes
        of single waves, or of its log."""
        return self._looking.here(what, asked or {}) if what else self._figures.here()

    @handler("Hyp<Assign>")
    async def act(self, ctx: Ctx, act: str, agent: str, kind: str = "") -> Any:
        """Something is done to this machine as a whole. Another machine was asked for it, and its policy has let the
        agent."""
        return await self._acts.here(act, Point.parse(agent), ctx.wave, kind)

    @handler("Hyp<Hop>")
    async def record_hops(self, ctx: Ctx, trace: str, seconds: float) -> dict[str, Any]:
        """This machine records the hops of a trace for so many seconds from now on; for 0 it ends that, and returns
        what it has noted down."""
        if seconds > 0:
            self._tracing.begin(trace, seconds)
            return {"hops": [], "left_out": 0}
        return self._tracing.end(trace)
