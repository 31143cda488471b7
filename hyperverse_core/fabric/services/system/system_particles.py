"""The platform's own global particles: the executor of commands, and the particle of the machine.

They are particles like any other: their waves are authorised and answered in the same way. The registry does not
place them; every machine has its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from ....contracts.driver import Ctx, Particle, handler
from ....contracts.registry import ParticleRecord
from ....errors import BadRequest, NotFound
from ....universe.address.point import GLOBAL_EXECUTOR, GLOBAL_MACHINE, Point
from ....universe.address.star_key import StarKey
from ....universe.waves.wave import Method, Pong
from ...caches.records import Records
from ...cluster.admission import Admission
from ...cluster.key_ring import KeyRing
from ...delivery.gate import Gate
from ...interception.audit_trail import AuditTrail
from ...particles.caller import Caller
from ...particles.context import Context
from ...particles.homes import Homes
from ...particles.hosting import Hosting
from ...placement.rebalancing import Rebalancer
from ...transit.key_rotation import KeyRotation
from ..changes.watches import ASPECTS, Watches
from ..commands.executor import Commands
from ..reports.dump import StateDump
from ..reports.figures import LiveFigures
from ..reports.kind_details import kind_details
from ..reports.load import Load
from ..reports.looking import Looking
from ..reports.status import StatusReport
from ..reports.stubs import Stubs
from ..reports.tracing import TraceWave, Tracing
from ..sessions.gateways import Gateways
from .machine_acts import MachineActs
from .sealing import Sealing
from .star_particle import StarParticle
from .users_particle import GLOBAL_USERS, UsersParticle

__all__ = ["GLOBAL_MACHINE", "ExecutorParticle", "MachineParticle", "pin_system_particles"]

_LONGEST_KEPT = 30 * 86400.0
_LONGEST_INVITATION = 7 * 86400.0
_ABOUT_OTHERS = tuple(Method.parse(f"Ext<{name}>") for name in ("Watch", "Unwatch", "Describe"))
"""A question to the machine about a particle needs no permission on the machine, because that particle decides."""


class ExecutorParticle(Particle):
    """``GLOBAL::executor``: executes commands on behalf of their sender."""

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
        return Pong(200, {"results": results})  # these are already plain values and need no conversion

    @handler("Cmd<Command>")
    async def run_one(self, ctx: Ctx, text: str) -> Pong:
        """Runs one command; the reply is the reply of the command."""
        return await ctx.on_behalf.execute(text)


class MachineParticle(Particle):
    """``GLOBAL::machine``: reports the state of the machine, and accepts orders such as stop and drain.

    Args:
        nearest: finds a hint for a point that does not exist.
        acts: stops and drains machines, and starts their drivers.
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
        load: Load,
        keys: KeyRing,
        admission: Admission,
        key_rotation: KeyRotation,
        figures: LiveFigures,
        looking: Looking,
        audit: AuditTrail,
        nearest: Callable[[Point], Awaitable[str]],
        sealing: Sealing,
        gateways: Gateways,
        acts: MachineActs,
    ) -> None:
        self._acts = acts
        self._sealing = sealing
        self._gateways = gateways
        self._audit = audit
        self._nearest = nearest
        self._status = status
        self._rebalancer = rebalancer
        self._records = records
        self._gate = gate
        self._watches = watches
        self._tracing = tracing
        self._dump = dump
        self._stubs = stubs
        self._load = load
        self._keys = keys
        self._admission = admission
        self._key_rotation = key_rotation
        self._figures = figures
        self._looking = looking

    @handler("Ext<Status>")
    async def status(self, ctx: Ctx) -> dict[str, Any]:
        """Returns the state of the machine, its stars, drivers and plugins."""
        return self._status.machine()

    @handler("Ext<Stars>")
    async def stars(self, ctx: Ctx) -> list[dict[str, Any]]:
        """Returns every star of the Hyperverse."""
        return await self._status.stars()

    @handler("Ext<Kinds>")
    async def kinds(self, ctx: Ctx) -> list[dict[str, Any]]:
        """Returns every Kind that this machine knows."""
        return self._status.kinds()

    @handler("Ext<Kind>")
    async def kind(self, ctx: Ctx, kind: str) -> dict[str, Any]:
        """Returns what the machine knows about a Kind, with JSON Schemas of the arguments and results of its
        handlers."""
        return kind_details(kind, self._status.served)

    @handler("Ext<Describe>")
    async def describe(self, ctx: Ctx, point: str, handlers: bool = False) -> dict[str, Any]:
        """Returns what is known about a particle, and why it cannot run; with ``handlers`` also the handlers of its
        Kind, as ``Ext<Kind>`` returns them, None if the Kind is not known here. Requires the permission r on it."""
        record = await self._record(point, ctx)
        await self._gate.permit(Caller.of(ctx.agent, ctx.wave), "r", record, "describe")
        found = await self._looking.described(record)
        if handlers:
            kind, served = record.kind.base, self._status.served
            found["handlers"] = kind_details(kind, served)["handlers"] if kind in served.known else None
        return found

    @handler("Ext<Stub>")
    async def write_stub(self, ctx: Ctx, kind: str) -> str:
        """Returns the source of a Python file with the handlers of a Kind, for typed calls."""
        return self._stubs.text(kind)

    @handler("Ext<Stop>", privilege="machine:stop")
    async def stop(self, ctx: Ctx, machine: str = "") -> None:
        """Asks this machine, or the named machine, to stop. It stops even if its audit log is full."""
        await self._acts.on(machine, "stop", ctx.agent, ctx.wave)

    @handler("Ext<Drain>", privilege="machine:drain")
    async def drain(self, ctx: Ctx, machine: str = "") -> int:
        """Drains this machine, or the named machine. Returns how many particles have left."""
        left: int = await self._acts.on(machine, "drain", ctx.agent, ctx.wave)
        return left

    @handler("Ext<StartDriver>", privilege="machine:drivers")
    async def start_driver(self, ctx: Ctx, kind: str, machine: str = "") -> dict[str, str]:
        """Immediately retries to start a driver that waits for its next attempt, on this machine or the named one.
        Returns its ``state``, and the ``cause`` if it has failed again."""
        found: dict[str, str] = await self._acts.on(machine, "start driver", ctx.agent, ctx.wave, kind)
        return found

    @handler("Ext<Rebalance>", privilege="machine:rebalance")
    async def rebalance(self, ctx: Ctx, apply: bool = False) -> dict[str, Any]:
        """Returns the moves that would give every star its share, and performs them with ``apply``. If some particles
        stayed, the answer says why the last of them did."""
        moves = await self._rebalancer.plan()
        stayed: list[str] = []
        if apply:
            with self._act("rebalance", ctx, moves=len(moves)):
                stayed = await self._rebalancer.apply(moves)
        rows = [
            {"point": m.point.text, "kind": m.kind, "from": str(m.origin), "to": str(m.target), "why": m.why}
            for m in moves
        ]
        return {"moves": rows, "moved": len(moves) - len(stayed) if apply else 0, "why": stayed[-1] if stayed else ""}

    @handler("Ext<Move>", privilege="machine:move")
    async def move(self, ctx: Ctx, point: str, star: str) -> None:
        """Moves a particle to another star, with its state saved."""
        with self._act("move", ctx, point=point, star=star):
            await self._rebalancer.move((await self._record(point, ctx)).point, StarKey.parse(star))

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
        """Sends a wave on behalf of the caller, and returns its hops on all machines; see ``Tracing.run``. They include
        waves sent by handlers, which the caller could not otherwise see."""
        wave = TraceWave(to, method, body, path, sent_as, wait, retries, linger)
        with self._act("trace", ctx, to=to, method=method):
            return await self._tracing.run(ctx.on_behalf, wave)

    @handler("Ext<Load>", privilege="machine:load")
    async def measure_load(self, ctx: Ctx, seconds: float = 1.0) -> dict[str, Any]:
        """Returns the handlers that end in the next ``seconds``: how many per second, the slowest, and those that
        fail."""
        return await self._load.measure(seconds)

    @handler("Ext<Figures>", privilege="machine:figures")
    async def count(self, ctx: Ctx) -> dict[str, Any]:
        """Returns the state of every machine, and its counts since somebody began to ask. Each machine
        continues to count for five minutes."""
        return await self._figures.everywhere()

    @handler("Ext<Waves>", privilege="machine:figures")
    async def noted_waves(
        self, ctx: Ctx, wave: str = "", point: str = "", limit: int = 200, failed: bool = False
    ) -> dict[str, Any]:
        """Returns single waves of all machines, the newest first: all failures and a sample of the rest, since somebody
        began to watch. With ``wave``, the wave with that id, or the waves of that trace; with ``point``, the waves to
        or from it."""
        return await self._looking.waves(wave, point, limit, failed)

    @handler("Ext<Log>", privilege="machine:log")
    async def last_lines(self, ctx: Ctx, point: str = "", level: str = "debug", limit: int = 200) -> dict[str, Any]:
        """Returns the last lines of the logs of all machines, the newest first; with ``point``, those of a particle."""
        return await self._looking.log(point, level, limit)

    @handler("Ext<Dump>", privilege="machine:dump")
    async def dump_memory(self, ctx: Ctx, limit: int = 1000) -> dict[str, Any]:
        """Returns the content of the machine's memory, with at most ``limit`` rows of each table."""
        with self._act("dump", ctx):
            return await self._dump.collect(limit)

    @handler("Ext<Keys>", privilege="machine:keys")
    async def list_keys(self, ctx: Ctx) -> dict[str, str]:
        """Returns the public keys that this machine accepts, by the name of the machine that holds them."""
        return dict(self._keys.names())

    @handler("Ext<AllowKey>", privilege="machine:keys")
    async def allow_key(self, ctx: Ctx, machine: str, key: str) -> None:
        """Accepts a machine of that name that proves that key, so that it belongs to this Hyperverse."""
        self._keys.check(machine, key)
        with self._act("key allowed", ctx, machine=machine, key=key):
            self._keys.allow(machine, key)

    @handler("Ext<RemoveKey>", privilege="machine:keys")
    async def remove_key(self, ctx: Ctx, machine: str) -> None:
        """Stops accepting a machine; its lanes are closed within a second."""
        with self._act("key removed", ctx, machine=machine, key=self._keys.names().get(machine, "")):
            self._keys.remove(machine)

    @handler("Ext<Invite>", privilege="machine:keys")
    async def invite(self, ctx: Ctx, seconds: float = 900.0) -> str:
        """Returns an invitation for one host, valid for that many seconds, at most a week."""
        if not 0 < seconds <= _LONGEST_INVITATION:
            raise BadRequest(f"an invitation cannot be valid for {seconds:g} s", hint="from 1 second to 7 days")
        with self._act("machine invited", ctx, seconds=seconds):
            return await self._admission.invite(seconds)

    @handler("Ext<RemoveMachine>", privilege="machine:keys")
    async def remove_machine(self, ctx: Ctx, machine: str) -> None:
        """Makes all machines stop accepting the machine of that name; its lanes are closed within a second."""
        keys = await self._admission.keys_of(machine)
        with self._act("machine removed", ctx, machine=machine, keys=[key.key for key in keys]):
            await self._admission.remove(keys)

    @handler("Ext<RotateSecrets>", privilege="machine:rotate")
    async def rotate_secrets(self, ctx: Ctx) -> dict[str, Any]:
        """Encrypts every secret property with a new key. Returns the id of the key, and how many particles changed."""
        with self._act("rotate secrets", ctx):
            key, changed = await self._sealing.rotate()
        return {"key": key, "changed": changed}

    @handler("Ext<RotateClientsKey>", privilege="machine:keys")
    async def rotate_clients_key(self, ctx: Ctx, keep: float = 3600.0, address: str = "") -> dict[str, str]:
        """Presents a new key to clients. The old key remains valid for ``keep`` more seconds; then sessions end.
        Returns the ``key``, and the ``address`` where it is presented."""
        _check_kept(keep)
        with self._act("clients key rotated", ctx, keep=keep):
            return await self._gateways.rotate_key(keep, address)

    @handler("Ext<RotateMachineKey>", privilege="machine:keys")
    async def rotate_machine_key(
        self, ctx: Ctx, keep: float = 3600.0, address: str = "", advertise: str = ""
    ) -> dict[str, str]:
        """Presents a new key on the lanes to other machines. The old key remains valid for ``keep`` more seconds.
        Returns the ``key``, and the ``address`` where others connect."""
        _check_kept(keep)
        with self._act("machine key rotated", ctx, keep=keep):
            return await self._key_rotation.rotate(keep, address, advertise)

    @handler("Ext<Watch>")
    async def watch(self, ctx: Ctx, point: str, aspects: list[str]) -> None:
        """Sends the sender of the wave a Signal ``Ext<Changed>`` for each change of those aspects from now on."""
        wave, record = ctx.wave, await self._record(point, ctx)
        await self._gate.permit(Caller.of(ctx.agent, wave), "r", record, "watch")
        begun = [self._watches.add(record.point, aspect, wave.sender, ctx.agent, wave.scope) for aspect in aspects]
        telling = [task for task in begun if task is not None]
        if telling:  # a change after the answer must be reported, on whichever machine it happens
            await asyncio.wait(telling)

    @handler("Ext<Unwatch>")
    async def unwatch(self, ctx: Ctx, point: str = "", aspects: list[str] | None = None) -> None:
        """Ends all watches of the sender; with ``point``, its watches there, or of these aspects there."""
        self._watches.remove(ctx.wave.sender, Point.parse(point) if point else None, aspects or ASPECTS)

    async def _record(self, text: str, ctx: Ctx) -> ParticleRecord:
        """Returns a record. Raises NotFound, with a hint limited to what the agent may know of the points nearby."""
        point = Point.parse(text)
        found = (await self._records.get((point,))).get(point)
        if found is not None:
            return found
        if await self._gate.told.hides(ctx.agent, ctx.wave.scope, point):
            raise self._gate.told.missing(point)
        raise NotFound(f"no particle {point.text!r}", hint=await self._nearest(point))

    def _act(self, event: str, ctx: Ctx, **details: object) -> AbstractContextManager[None]:
        """Wraps an act on the machine that must be in the audit log. Raises Unavailable."""
        return self._audit.act(event, Caller.of(ctx.agent, ctx.wave), ctx.point, **details)


def _check_kept(seconds: float) -> None:
    """Raises BadRequest for a time that an old key cannot remain valid."""
    if not 0 <= seconds <= _LONGEST_KEPT:
        raise BadRequest(f"`keep` is {seconds:g}, but must be from 0 to {_LONGEST_KEPT:g} seconds")


def pin_system_particles(
    homes: Homes,
    home: Hosting,
    gate: Gate,
    watches: Watches,
    tracing: Tracing,
    figures: LiveFigures,
    looking: Looking,
    acts: MachineActs,
    executor: ExecutorParticle,
    machine: MachineParticle,
    users: UsersParticle,
) -> None:
    """Pins the platform's own particles to their points.

    Args:
        home: the home of the star that represents this machine.
        gate: allows everybody to send commands to the executor, and to ask about tokens.

    Raises BadRequest if no driver serves their Kinds.
    """
    if not (home.serves("Global") and home.serves("Star")):
        raise BadRequest(
            "no driver serves the Kinds Star and Global, which every machine needs" + home.why_missing("Star"),
            hint="the plugin `base` provides them; check whether it is disabled",
        )
    for hosting in homes.values():
        hosting.pin(
            hosting.star.point,
            f"Star<{hosting.star.kind.name}>",
            StarParticle(hosting, watches, tracing, figures, looking, acts),
        )
    gate.open_methods(home.pin(GLOBAL_MACHINE, "Global", machine), _ABOUT_OTHERS)
    gate.open_to_all(home.pin(GLOBAL_EXECUTOR, "Global", executor))  # each command asks the policy itself
    gate.open_to_all(home.pin(GLOBAL_USERS, "Global", users))  # its handlers also ask the policy
