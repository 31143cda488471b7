"""The Kind of the chaos tests; also copied into the folder of the machines, as ``hyperverse_local.py``."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl


@attrs.define
class Journal(Particle):
    """Keeps every operation that it was told, in order, and where each was carried out."""

    ops: list[str] = attrs.field(factory=list)

    @handler("Ext<Append>")
    async def append(self, ctx: Ctx, op: str) -> int:
        """Its number. Nothing is kept that could not be saved."""
        self.ops.append(op)
        try:
            await ctx.save()
        except BaseException:
            self.ops.pop()
            raise
        return len(self.ops)

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
