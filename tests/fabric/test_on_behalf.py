"""Acting on behalf of a caller ends when its wave has ended, however a handler tries to keep it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Point, handler, hookimpl
from hyperverse_core.errors import Forbidden
from hyperverse_core.testing import ManualClock

KEPT: dict[str, Ctx] = {}


@attrs.define
class Keeper(Particle):
    """Keeps what it should not."""

    @handler("Ext<Keep>")
    async def keep(self, ctx: Ctx, fail: bool = False) -> int:
        """Keeps the right to act for the caller, and uses it while it may."""
        KEPT["first"], KEPT["second"] = ctx.on_behalf, ctx.on_behalf.on_behalf
        if fail:
            raise ValueError("it fails")
        return (await KEPT["first"].ping("localhost:secret", "Ext<Who>")).status

    @handler("Ext<Later>")
    async def later(self, ctx: Ctx) -> None:
        """Begins work that goes on when the wave has ended."""
        behalf = ctx.on_behalf

        async def work() -> None:
            await asyncio.sleep(1)
            reply = await behalf.ping("localhost:secret", "Ext<Who>")
            own = await ctx.ping("localhost:secret", "Ext<Who>")
            RESULTS.append((reply.status, own.status))

        ctx.spawn(work())

    @handler("Ext<Use>")
    async def use(self, ctx: Ctx) -> list[int]:
        """Uses in one wave what it has kept of another."""
        return [(await kept.ping("localhost:secret", "Ext<Who>")).status for kept in KEPT.values()]

    @handler("Ext<Who>")
    async def who(self, ctx: Ctx) -> str:
        """Who asks."""
        return ctx.agent.text


RESULTS: list[tuple[int, int]] = []


class KeeperDriver(Driver):
    """Serves Keeper."""

    kind = KindDef("Keeper", doc="keeps")
    particle = Keeper


class Keepers:
    """The plugin."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """Keeper."""
        register(KeeperDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Keepers(),)


@pytest.fixture
async def world(machine: Machine, clock: ManualClock) -> Machine:
    """A keeper that belongs to a user without rights on a secret of the hyperuser."""
    await machine.client().exec(
        "create localhost<Space>; create localhost:users<UserBase<Keycloak>>; create localhost:users:eve<User>;"
        "create localhost:keeper<Keeper>; create localhost:secret<Keeper>"
    )
    await machine.registry.chown([Point.parse("localhost:keeper")], Point.parse("localhost:users:eve"))
    await clock.advance(1)
    return machine


@pytest.mark.parametrize("fail", [False, True])
async def test_what_was_kept_of_a_wave_acts_for_nobody_when_that_has_ended(world: Machine, fail: bool) -> None:
    client = world.client()
    first = await client.ping("localhost:keeper", "Ext<Keep>", {"fail": fail})
    assert first.body == 200 if not fail else first.status == 500
    assert await client.ask("localhost:keeper", "Ext<Use>") == [403, 403]
    kept = KEPT["first"]
    assert (await kept.ping("localhost:secret", "Ext<Who>")).status == 403
    assert (await kept.signal("localhost:secret", "Ext<Who>")).status == 403
    with pytest.raises(Forbidden, match="has ended"):
        await kept.ripple("localhost:*", "Ext<Who>")
    with pytest.raises(Forbidden, match="has ended"):
        await kept.create("localhost:new", "Keeper")
    assert (await kept.execute("create localhost:new<Keeper>")).status == 403


async def test_work_that_outlives_its_wave_has_the_particles_own_rights(world: Machine, clock: ManualClock) -> None:
    await world.client().ask("localhost:keeper", "Ext<Later>")
    await clock.advance(2)
    assert RESULTS == [(403, 404)]
