"""The workload of the simulation and of the chaos tests: particles that keep a list of what they were told to do, and
the rules that the history of a run must obey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs

from cluster.simulated_processes import current_process
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.contracts.registry import Registry
from hyperverse_core.universe.waves.wave import Outcome

__all__ = ["Call", "Ledger", "LedgerKinds", "check_lists"]


@attrs.define(eq=False)
class Call:
    """One operation that a client has asked for.

    Attributes:
        op: its name, unique.
        target: the particle.
        begun, ended: when, in seconds; None while it has not ended.
        outcome: what the client was told.
        place: for an append that was acknowledged, the length of the list behind it.
        seen: for a question that was answered, the length of the list; -1 for an append.
        at: name of the process that the client lives in.
    """

    op: str
    target: str
    begun: float
    at: str = ""
    ended: float | None = None
    status: int = 0
    outcome: str = ""
    place: int = 0
    seen: int = -1


@attrs.define(eq=False)
class Ledger:
    """What has happened in a run of the simulation.

    Attributes:
        database: the registry itself, not a machine's connection to it.
        calls: every operation, in the order in which they were begun.
        faults: what must never happen, and has.
    """

    database: Registry
    calls: list[Call] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)

    async def begun_on(self, point: Any) -> None:
        """A handler has begun: it must be that of the only live copy."""
        record = (await self.database.records((point,))).get(point)
        process = current_process()
        if record is None or process is None:
            return
        at = record.assignment
        here = process.name.partition("#")[0]
        machines = {star.key: star.machine for star in await self.database.stars()}
        if at is None or machines.get(at.star) != here:
            self.faults.append(f"a handler of {point} began on {process.name} while it lives at {at}")


class LedgerKinds:
    """The plugin that brings the Kind Ledger. A Ledger remembers every op of an Append in its durable state."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Ledger."""
        told = self.ledger

        @attrs.define
        class LedgerParticle(Particle):
            ops: list[str] = attrs.field(factory=list)

            @handler("Ext<Append>")
            async def append(self, ctx: Ctx, op: str) -> int:
                await told.begun_on(ctx.point)
                self.ops.append(op)
                try:
                    await ctx.save()
                except BaseException:
                    self.ops.pop()
                    raise
                return len(self.ops)

            @handler("Ext<Length>")
            async def length(self, ctx: Ctx) -> int:
                await told.begun_on(ctx.point)
                return len(self.ops)

            @handler("Ext<List>")
            async def list_all(self, ctx: Ctx) -> list[str]:
                return self.ops

        class LedgerDriver(Driver):
            kind = KindDef("Ledger", doc="A list of operations (for tests)")
            particle = LedgerParticle

        register(LedgerDriver)


def check_lists(calls: list[Call], lists: dict[str, list[str]]) -> list[str]:
    """What is wrong with the final lists of the particles, given what the clients were told."""
    faults = []
    for target, ops in lists.items():
        for op, times in Counter(ops).items():
            if times > 1:
                faults.append(f"{op} was applied {times} times to {target}")
        place = {op: number for number, op in enumerate(ops, 1)}
        own = [call for call in calls if call.target == target]
        for call in own:
            faults += _check_call(call, place)
        faults += _check_order(own)
    return faults


def _check_call(call: Call, place: dict[str, int]) -> list[str]:
    if call.seen >= 0:
        return []
    if call.outcome == Outcome.OK and call.op not in place:
        return [f"{call.op} on {call.target} was acknowledged and is lost"]
    if call.outcome == Outcome.OK and call.place != place[call.op]:
        return [f"{call.op} on {call.target} was acknowledged as number {call.place} and is {place[call.op]}"]
    if call.outcome == Outcome.REJECTED and call.op in place:
        return [f"{call.op} on {call.target} was said not to have run, and has ({call.status})"]
    return []


def _check_order(calls: list[Call]) -> list[str]:
    """Nobody may see less than what was acknowledged before the question was asked."""
    events = [(c.ended, True, c) for c in calls if c.outcome == Outcome.OK and c.ended is not None]
    events += [(c.begun, False, c) for c in calls if c.outcome == Outcome.OK]
    known = 0
    at_begin: dict[str, int] = {}
    faults = []
    for _, ended, call in sorted(events, key=lambda event: event[:2]):
        if not ended:
            at_begin[call.op] = known
            continue
        number = call.seen if call.seen >= 0 else call.place
        if number < at_begin.get(call.op, 0):
            faults.append(f"{call.op} saw {number} operations in {call.target} after {at_begin[call.op]} were there")
        known = max(known, number)
    return faults
