"""The platform's own global particles: the executor of commands, and the machine's.

They are particles like any other: their waves are authorised and answered in the same way. The registry does not
place them; every machine has its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...contracts.driver import Ctx, Particle, handler
from ...contracts.policy import Need, Request
from ...errors import BadRequest, Forbidden
from ...universe.address.point import GLOBAL_EXECUTOR, HYPERUSER, Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Pong
from ..caches.records import Records
from ..delivery.gate import Gate
from ..particles.caller import Caller
from ..particles.context import Context
from ..particles.homes import Homes
from ..particles.hosting import Hosting
from ..placement.rebalancing import Rebalancer
from .commands import Commands
from .descriptions import Descriptions
from .dump import StateDump
from .kind_details import kind_details
from .load import Load
from .star_particle import StarParticle
from .status import StatusReport
from .stubs import Stubs
from .tracing import TraceWave, Tracing
from .users_particle import GLOBAL_USERS, UsersParticle
from .watches import ASPECTS, Watches

__all__ = ["GLOBAL_MACHINE", "ExecutorParticle", "MachineParticle", "pin_system_particles"]

GLOBAL_MACHINE = Point.parse("GLOBAL::machine")


class ExecutorParticle(Particle):
    """``GLOBAL::executor``: carries out commands in the name of whoever sends them."""

    concurrent = True

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    @handler("Cmd<RawCommand>")
    async def run_text(
        self,
        ctx: Ctx,
        text: str,
        keep_going: bool = False,
        working: str = "",
        files: dict[str, bytes] | None = None,
        after: str = "",
    ) -> Pong:
        """Runs a script of commands; see ``Commands.run_script`` for the results."""
        assert isinstance(ctx, Context)
        results = await self._commands.run_script(
            text, ctx.on_behalf, keep_going=keep_going, working=working, files=files or {}, after=after
        )
        return Pong(200, {"results": results})  # plain values already: nobody has to walk them again

    @handler("Cmd<Command>")
    async def run_one(self, ctx: Ctx, text: str) -> Pong:
        """Runs one command; the reply is that of the command."""
        return await ctx.on_behalf.execute(text)


class MachineParticle(Particle):
    """``GLOBAL::machine``: what a machine says of itself, and how it is told to stop.

    Args:
        request_stop: asks whoever runs the machine to stop it.
    """

    concurrent = True

    def __init__(
        self,
        *,
        status: StatusReport,
        rebalancer: Rebalancer,
        records: Records,
        gate: Gate,
        watches: Watches,
        tracing: Tracing,
        dump: StateDump,
        stubs: Stubs,
        descriptions: Descriptions,
        load: Load,
        request_stop: Callable[[], None],
    ) -> None:
        self._status = status
        self._rebalancer = rebalancer
        self._records = records
        self._gate = gate
        self._watches = watches
        self._tracing = tracing
        self._dump = dump
        self._stubs = stubs
        self._descriptions = descriptions
        self._load = load
        self._request_stop = request_stop

    @handler("Ext<Status>")
    async def status(self, ctx: Ctx) -> dict[str, Any]:
        """Returns the state of the machine, its stars, drivers and plugins."""
        return self._status.machine()

    @handler("Ext<Stars>")
    async def stars(self, ctx: Ctx) -> list[dict[str, Any]]:
        """Returns every star of the Hyperverse."""
        return self._status.stars()

    @handler("Ext<Kinds>")
    async def kinds(self, ctx: Ctx) -> list[dict[str, Any]]:
        """Returns every Kind that the machine knows."""
        return self._status.kinds()

    @handler("Ext<Kind>")
    async def kind(self, ctx: Ctx, kind: str) -> dict[str, Any]:
        """Returns what the machine knows about a Kind, with JSON Schemas of what its handlers take and return."""
        return kind_details(kind, self._status.served)

    @handler("Ext<Describe>")
    async def describe(self, ctx: Ctx, point: str) -> dict[str, Any]:
        """Returns what is known about a particle, and why it cannot run. Demands the permission r on it."""
        wave, record = ctx.wave, await self._records.one(Point.parse(point))
        await self._gate.permit(Caller(ctx.agent, wave.scope, wave.chain, wave.topic), "r", record, "describe")
        return self._descriptions.describe(record)

    @handler("Ext<Stub>")
    async def write_stub(self, ctx: Ctx, kind: str) -> str:
        """Returns a file of Python with the handlers of a Kind, for typed calls."""
        return self._stubs.text(kind)

    @handler("Ext<Stop>", privilege="machine:stop")
    async def stop(self, ctx: Ctx) -> None:
        """Asks the machine to stop. Only the hyperuser may."""
        self._demand_hyperuser(ctx)
        self._request_stop()

    @handler("Ext<Drain>", privilege="machine:drain")
    async def drain(self, ctx: Ctx) -> int:
        """Empties the machine, and returns how many particles have left. Only the hyperuser may."""
        self._demand_hyperuser(ctx)
        return await self._rebalancer.drain()

    @handler("Ext<Rebalance>", privilege="machine:rebalance")
    async def rebalance(self, ctx: Ctx, apply: bool = False) -> dict[str, Any]:
        """Returns the moves that would give every star its share, carried out when ``apply``; when some particles
        stayed, why the last of them did. Only the hyperuser may."""
        self._demand_hyperuser(ctx)
        moves = await self._rebalancer.plan()
        stayed = await self._rebalancer.apply(moves) if apply else []
        rows = [
            {"point": m.point.text, "kind": m.kind, "from": str(m.origin), "to": str(m.target), "why": m.why}
            for m in moves
        ]
        return {"moves": rows, "moved": len(moves) - len(stayed) if apply else 0, "why": stayed[-1] if stayed else ""}

    @handler("Ext<Move>", privilege="machine:move")
    async def move(self, ctx: Ctx, point: str, star: str) -> None:
        """Moves a particle to another star, with its state saved. Only the hyperuser may."""
        self._demand_hyperuser(ctx)
        await self._rebalancer.move(Point.parse(point), StarKey.parse(star))

    @handler("Ext<Trace>", privilege="machine:trace")
    async def trace_wave(
        self,
        ctx: Ctx,
        to: str,
        method: str,
        body: Any = None,
        path: str = "/",
        sent_as: str = "ping",
        wait: float = 15.0,
        retries: int = 0,
        linger: float = 0.2,
    ) -> dict[str, Any]:
        """Sends a wave in the name of the caller, and returns its hops on all machines; see ``Tracing.run``. Only the
        hyperuser may, because handlers may send waves that the caller could not see."""
        self._demand_hyperuser(ctx)
        wave = TraceWave(to, method, body, path, sent_as, wait, retries, linger)
        return await self._tracing.run(ctx.on_behalf, wave)

    @handler("Ext<Load>", privilege="machine:load")
    async def measure_load(self, ctx: Ctx, seconds: float = 1.0) -> dict[str, Any]:
        """Returns the handlers that end in the next ``seconds``: how many each second, the slowest, those that fail.
        Only the hyperuser may."""
        self._demand_hyperuser(ctx)
        return await self._load.measure(seconds)

    @handler("Ext<Dump>", privilege="machine:dump")
    async def dump_memory(self, ctx: Ctx, limit: int = 1000) -> dict[str, Any]:
        """Returns what is in the memory of the machine, with at most ``limit`` rows of each table. Only the hyperuser
        may."""
        self._demand_hyperuser(ctx)
        return await self._dump.collect(limit)

    @handler("Ext<Watch>")
    async def watch(self, ctx: Ctx, point: str, aspects: list[str]) -> None:
        """The sender gets a Signal ``Ext<Changed>`` for each change of those aspects from now on."""
        wave, record = ctx.wave, await self._records.one(Point.parse(point))
        await self._gate.permit(Caller(ctx.agent, wave.scope, wave.chain, wave.topic), "r", record, "watch")
        for aspect in aspects:
            self._watches.add(record.point, aspect, wave.sender)

    @handler("Ext<Unwatch>")
    async def unwatch(self, ctx: Ctx, point: str = "", aspects: list[str] | None = None) -> None:
        """Ends everything that the sender watches; with ``point`` what it watches there, or these aspects of it."""
        self._watches.remove(ctx.wave.sender, Point.parse(point) if point else None, aspects or ASPECTS)

    def _demand_hyperuser(self, ctx: Ctx) -> None:
        """The policy has granted the privilege, which it also grants to every program of the hyperuser. Those may not
        do this: whoever can make one of them send a wave could stop the machine. Raises Forbidden."""
        if ctx.agent != HYPERUSER:
            assert isinstance(ctx, Context)
            request = Request(ctx.agent, ctx.wave.method.text, Need(), ctx.record, ctx.wave.scope)
            error = Forbidden(f"{ctx.agent} may not send {ctx.wave.method} to a machine", hint="only the hyperuser may")
            raise self._gate.refused(request, error, wave=ctx.wave.id)


def pin_system_particles(
    homes: Homes,
    home: Hosting,
    gate: Gate,
    watches: Watches,
    tracing: Tracing,
    executor: ExecutorParticle,
    machine: MachineParticle,
    users: UsersParticle,
) -> None:
    """Puts the platform's own particles in their places.

    Args:
        home: of the star that stands for this machine.
        gate: lets everybody send commands to the executor, and ask about tokens.

    Raises BadRequest when no driver serves their Kinds.
    """
    if not (home.serves("Global") and home.serves("Star")):
        raise BadRequest(
            "no driver serves the Kinds Star and Global, which every machine needs" + home.why_missing("Star"),
            hint="the plugin `base` brings them; is it disabled?",
        )
    for hosting in homes.values():
        hosting.pin(hosting.star.point, f"Star<{hosting.star.kind.name}>", StarParticle(hosting, watches, tracing))
    home.pin(GLOBAL_MACHINE, "Global", machine)
    gate.open_to_all(home.pin(GLOBAL_EXECUTOR, "Global", executor))  # each command asks for itself
    gate.open_to_all(home.pin(GLOBAL_USERS, "Global", users))  # likewise
