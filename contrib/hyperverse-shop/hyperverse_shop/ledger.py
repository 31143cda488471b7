"""The ledger: a file outside the Hyperverse, with a line for each order."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TextIO

import attrs

from hyperverse_core import Ctx, Driver, DriverHost, KindDef, Particle, handler, transient
from hyperverse_core.registry import ParticleRecord

__all__ = ["Ledger", "LedgerDriver"]


@attrs.define
class Ledger(Particle):
    """Writes each order to a file exactly once.

    The file is open while the particle is in memory. If the machine dies after a line was written and before the state
    is saved, that line is the last one in the file. It is recognised when the order is sent again.
    """

    folder: Path | None = transient(default=None)
    file: TextIO | None = transient(default=None)
    last_line: str = transient(default="")
    booked: dict[str, int] = attrs.field(factory=dict)  # the newest order of each cart
    cents: int = 0

    async def on_start(self, ctx: Ctx) -> None:
        """Opens the file."""
        assert self.folder is not None, "its driver sets it"
        path = self.folder / f"{ctx.point.parent.name if ctx.point.parent else 'shop'}.txt"
        self.file = await asyncio.to_thread(path.open, "a+", encoding="utf-8")
        self.file.seek(0)
        for line in self.file:
            self.last_line = line.strip()

    async def on_stop(self, ctx: Ctx) -> None:
        """Closes the file."""
        if self.file is not None:
            self.file.close()

    @handler("Ext<Book>")
    async def book(self, ctx: Ctx, order: str, cents: int) -> int:
        """Records an order unless it is already recorded. Returns the total of all sales, in cents."""
        cart, _, number = order.rpartition("-")
        if self.booked.get(cart, 0) < int(number):
            line = f"{order} {cents}"
            if line != self.last_line:
                await asyncio.to_thread(self.write_down, line)
            self.booked[cart] = int(number)
            self.cents += cents
            await ctx.save()
        return self.cents

    @handler("Ext<Sold>")
    async def sold(self, ctx: Ctx) -> int:
        """Returns the total of all sales, in cents."""
        return self.cents

    def write_down(self, line: str) -> None:
        """Adds a line. It runs in a thread, because waiting for a disk would block every other particle of the
        machine."""
        assert self.file is not None, "it is open while the particle is in memory"
        self.file.write(line + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        self.last_line = line


class LedgerDriver(Driver):
    """Serves the Kind Ledger."""

    kind = KindDef("Ledger", doc="Record of sales")
    particle = Ledger

    async def start(self, host: DriverHost) -> None:
        """Chooses the folder of the files: ``folder`` in the settings, which all machines must be able to reach, or
        else the folder of the driver on this machine."""
        self.folder = Path(host.settings.get("folder", host.data_dir))

    async def create(self, record: ParticleRecord) -> Ledger:
        """Gives the ledger the folder of its file."""
        return Ledger(folder=self.folder)
