"""The Kind of the chaos tests; also copied into the folder of the machines, as ``hyperverse_local.py``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.errors import Conflict

AFTER_SAVE = "it was saved before this was raised"
"""What the error says of a handler that has raised behind its save."""


@attrs.define
class Journal(Particle):
    """Keeps every operation that it was told, in order."""

    ops: list[str] = attrs.field(factory=list)
    note: str = ""

    @handler("Ext<Append>")
    async def append(self, ctx: Ctx, op: str) -> int:
        """Its number. What could not be saved is given up by the platform."""
        self.ops.append(op)
        await ctx.save()
        return len(self.ops)

    @handler("Ext<AppendHalf>")
    async def append_half(self, ctx: Ctx, op: str) -> int:
        """Raises behind a change, which nobody may ever see."""
        self.ops.append(op)
        await asyncio.sleep(0.001)
        raise ValueError("half way")

    @handler("Ext<AppendOdd>")
    async def append_odd(self, ctx: Ctx, op: str) -> int:
        """Cannot be saved: a field holds what does not fit it."""
        self.ops.append(op)
        self.note = 7  # type: ignore[assignment]  # that is the mistake
        await ctx.save()
        return len(self.ops)

    @handler("Ext<AppendLate>")
    async def append_late(self, ctx: Ctx, op: str) -> int:
        """Raises behind a save, which stays."""
        self.ops.append(op)
        await ctx.save()
        self.ops.append(f"{op} again")
        raise Conflict(f"{AFTER_SAVE} as number {len(self.ops) - 1}")

    @handler("Ext<Length>")
    async def length(self, ctx: Ctx) -> int:
        """How many there are."""
        return len(self.ops)

    @handler("Ext<List>")
    async def list_all(self, ctx: Ctx) -> list[str]:
        """All."""
        return self.ops


class JournalDriver(Driver):
    kind = KindDef("Journal", doc="A list of operations (for tests)")
    particle = Journal


@hookimpl
def hyperverse_register_drivers(register: Callable[[type[Driver]], None]) -> None:
    """Journal."""
    register(JournalDriver)
