"""A machine that was removed and goes on running reaches nobody any more, although its connections were open."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hyperverse_core import Config, Machine
from hyperverse_core.registry import Registry
from hyperverse_core.testing import ManualClock

MACHINE = "GLOBAL::machine"


async def test_a_removed_machine_reaches_nobody_by_connections_that_were_open(
    start_machine: Any, machine_registry: Registry, tmp_path: Path, clock: ManualClock
) -> None:
    async def start(name: str, invitation: str = "") -> Machine:
        config = Config(name=name, data_dir=tmp_path / name, lanes="local", invitation=invitation, lease=60.0)
        machine: Machine = await start_machine(config=config)
        return machine

    async def reaches_alpha() -> bool:
        star = str(alpha.parts.home.point)
        reply = await beta.client().ping(star, "Cmd<Bounce>", wait=0.5)
        return reply.ok

    with clock.autojump():
        alpha = await start("alpha")
        beta = await start("beta", await alpha.client().ask(MACHINE, "Ext<Invite>", {}))
        await asyncio.sleep(5.0)
        assert await reaches_alpha()
        await alpha.client().ask(MACHINE, "Ext<RemoveMachine>", {"machine": "beta"})
        await asyncio.sleep(1.0)
        assert not await reaches_alpha()
        assert alpha.parts.transport.ends == {}, "no connection is left"
