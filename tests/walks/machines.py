"""Two machines with the transport and the registry that they have by default, in one process. The transport does not
look for an answer before the loop sleeps: how often it would is no part of a wave."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hyperverse_core import Config, Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.config import Choice, Control
from walks.walk import Tracer

__all__ = ["POINT", "machine", "traced"]

POINT = "localhost:walked"
_LEASE = 600.0
_ASLEEP = {"busy_poll": 0}


class Walked(Particle):
    """Answers."""

    @handler("Ext<Get>")
    async def get(self, ctx: Ctx) -> int:
        """A number."""
        return 7


class WalkedDriver(Driver):
    """Serves Walked."""

    kind = KindDef("Walked", doc="Answers (for tests)")
    particle = Walked


class WalkedKinds:
    """The plugin that brings it."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Registers the driver."""
        register(WalkedDriver)


def machine(name: str, folder: str) -> Machine:
    """A machine as `hyperverse up` makes it, but for the polling."""
    lanes, control = Choice("stream", _ASLEEP), Control(driver="stream", settings=_ASLEEP)
    config = Config(name=name, data_dir=Path(folder), lease=_LEASE, lanes=lanes, control=control)
    return Machine(config, plugins=[WalkedKinds()])


@asynccontextmanager
async def traced() -> AsyncIterator[tuple[Tracer, Machine, str]]:
    """A machine with a particle that waves have reached, the folder of its data, and a tracer."""
    tracer = Tracer()
    with tempfile.TemporaryDirectory(prefix="walks-") as folder, tracer.threads():
        async with machine("here", folder) as first:
            client = first.client()
            for text in ("create localhost<Space>", f"create {POINT}<Walked>"):
                (result,) = await client.exec(text, check=False)
                result.unwrap()
            for _ in range(3):
                assert await client.ask(POINT, "Ext<Get>") == 7
            yield tracer, first, folder
