"""The platform's own particles: a star's, the executor of commands, and the machine's.

They are particles like any other: their waves are authorised and answered in the same way. The registry does not
place them; every machine has its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contracts.driver import Ctx, Particle, handler
from ...errors import BadRequest, Forbidden
from ...universe.address.point import GLOBAL_EXECUTOR, HYPERUSER, Point
from ...universe.waves.wave import Pong
from ..delivery.gate import AllowAll
from ..particles.context import Context
from .star_particle import StarParticle
from .status import kinds_of, stars_of

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["GLOBAL_MACHINE", "pin_system_particles"]

GLOBAL_MACHINE = Point.parse("GLOBAL::machine")


class ExecutorParticle(Particle):
    """``GLOBAL::executor``: carries out commands in the name of whoever sends them."""

    concurrent = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @handler("Cmd<RawCommand>")
    async def run_text(
        self,
        ctx: Ctx,
        text: str,
        keep_going: bool = False,
        working: str = "",
        files: dict[str, bytes] | None = None,
        after: str = "",
    ) -> dict[str, Any]:
        """A script of commands; see ``Commands.run_script`` for the results."""
        assert isinstance(ctx, Context)
        results = await self._machine.commands.run_script(
            text, ctx.on_behalf, keep_going=keep_going, working=working, files=files or {}, after=after
        )
        return {"results": results}

    @handler("Cmd<Command>")
    async def run_one(self, ctx: Ctx, text: str) -> Pong:
        """One command; the reply is that of the command."""
        return await ctx.on_behalf.execute(text)


class MachineParticle(Particle):
    """``GLOBAL::machine``: what a machine says of itself, and how it is told to stop."""

    concurrent = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @handler("Ext<Status>")
    async def status(self, ctx: Ctx) -> dict[str, Any]:
        """State of the machine, its stars, drivers and plugins."""
        return self._machine.status()

    @handler("Ext<Stars>")
    async def stars(self, ctx: Ctx) -> list[dict[str, Any]]:
        """Every star of the Hyperverse."""
        return stars_of(self._machine)

    @handler("Ext<Kinds>")
    async def kinds(self, ctx: Ctx) -> list[dict[str, Any]]:
        """Every Kind that the machine knows."""
        return kinds_of(self._machine)

    @handler("Ext<Stop>")
    async def stop(self, ctx: Ctx) -> None:
        """Asks the machine to stop. Only the hyperuser may."""
        _demand_hyperuser(ctx)
        self._machine.request_stop()

    @handler("Ext<Drain>")
    async def drain(self, ctx: Ctx) -> int:
        """Empties the machine; how many particles have left. Only the hyperuser may."""
        _demand_hyperuser(ctx)
        return await self._machine.moves.drain()

    @handler("Ext<Rebalance>")
    async def rebalance(self, ctx: Ctx, apply: bool = False) -> dict[str, Any]:
        """The moves that would give every star its share, carried out when ``apply``; when some
        stayed, why the last of them did. Only the hyperuser may."""
        _demand_hyperuser(ctx)
        moves = await self._machine.moves.plan()
        stayed = await self._machine.moves.apply(moves) if apply else []
        rows = [
            {"point": m.point.text, "kind": m.kind, "from": str(m.origin), "to": str(m.target), "why": m.why}
            for m in moves
        ]
        return {"moves": rows, "moved": len(moves) - len(stayed) if apply else 0, "why": stayed[-1] if stayed else ""}

    @handler("Ext<Watch>")
    async def watch(self, ctx: Ctx, point: str, aspects: list[str]) -> None:
        """The sender gets a Signal ``Ext<Changed>`` for each change of those aspects from now on."""
        record = await self._machine.records.one(Point.parse(point))
        await self._machine.rights.demand(ctx.agent, "r", record)
        for aspect in aspects:
            self._machine.watches.add(record.point, aspect, ctx.wave.sender)

    @handler("Ext<Unwatch>")
    async def unwatch(self, ctx: Ctx) -> None:
        """The sender gets no more of them."""
        self._machine.watches.remove(ctx.wave.sender)


def _demand_hyperuser(ctx: Ctx) -> None:
    if ctx.agent != HYPERUSER:
        raise Forbidden(f"{ctx.agent} may not do this to a machine", hint="the hyperuser may")


def pin_system_particles(machine: Machine) -> None:
    """Puts them in their places."""
    if "Global" not in machine.hosted or "Star" not in machine.hosted:
        raise BadRequest(
            "no driver serves the Kinds Star and Global, which every machine needs",
            hint="the plugin `base` brings them; is it disabled?",
        )
    for star in machine.stars.values():
        star.hosting.pin(star.point, f"Star<{star.kind.name}>", StarParticle(star))
    home = machine.machine_star
    for point, particle in (
        (GLOBAL_EXECUTOR, ExecutorParticle(machine)),
        (GLOBAL_MACHINE, MachineParticle(machine)),
    ):
        machine.globals[point.text] = home.hosting.pin(point, "Global", particle)
    machine.globals[GLOBAL_EXECUTOR.text].allowed = AllowAll()  # each command asks for itself
