"""The policy in the path of waves: what it says is what a running machine does, also after it has changed its mind."""

from __future__ import annotations

import pytest

from hyperverse_core import HyperverseError, Machine, Point
from hyperverse_core.client.api import ClientApi
from hyperverse_core.errors import Forbidden
from hyperverse_core.testing import Constellation, ManualClock
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import ANONYMOUS

ALICE, BOB = "localhost:users:alice", "localhost:users:bob"
WORLD = (
    "create localhost<Space>",
    "create localhost:users<UserBase<Keycloak>>",
    f"create {ALICE}<User>",
    f"create {BOB}<User>",
    "create localhost:hers<Base>",
    "create localhost:hers:echo<EchoParticle>",
    "grant perm +cSd-rwx on +:** to +:**",  # nothing is hidden here
)


@pytest.fixture
async def world(clock: ManualClock, machine: Machine) -> Machine:
    """A machine with Alice, who owns a Base with a particle in it, and Bob."""
    await run(machine.client(), *WORLD)
    await give(machine, clock, ALICE, "localhost:hers", "localhost:hers:echo")
    return machine


async def give(world: Machine, clock: ManualClock, owner: str, *points: str) -> None:
    """Makes ``owner`` the owner, and waits until the machine has heard of it."""
    await world.registry.chown([Point.parse(point) for point in points], Point.parse(owner))
    await clock.advance(1)


async def run(client: ClientApi, *commands: str) -> None:
    for command in commands:
        await client.exec(command)


async def hello(world: Machine, agent: str) -> int:
    """The status with which the particle answers ``agent``."""
    return (await world.client(agent).ping("localhost:hers:echo", "Ext<Hello>")).status


async def test_the_owner_is_answered_and_a_stranger_is_not(world: Machine) -> None:
    assert await hello(world, ALICE) == 200
    assert await hello(world, BOB) == 403
    assert await hello(world, str(ANONYMOUS)) == 403


async def test_everybody_may_bounce(world: Machine) -> None:
    for agent in (ALICE, BOB, str(ANONYMOUS)):
        assert (await world.client(agent).ping("localhost:hers:echo", "Cmd<Bounce>")).status == 200


async def test_a_grant_opens_and_its_end_closes(world: Machine, clock: ManualClock) -> None:
    assert await hello(world, BOB) == 403
    text = f"perm +csd-rwX on localhost:hers:echo to {BOB} by {ALICE}"
    grant = await world.registry.grant(AccessGrant.parse(text))
    await clock.advance(1)
    assert await hello(world, BOB) == 200
    await world.registry.revoke(grant.id)
    await clock.advance(1)
    assert await hello(world, BOB) == 403


async def test_a_new_owner_is_answered_and_the_old_one_is_not(world: Machine, clock: ManualClock) -> None:
    assert await hello(world, ALICE) == 200
    await give(world, clock, BOB, "localhost:hers:echo")
    assert await hello(world, BOB) == 200
    assert await hello(world, ALICE) == 403


async def test_one_creates_where_one_may_and_owns_what_one_creates(world: Machine) -> None:
    await run(world.client(ALICE), "create localhost:hers:more<Base>")
    with pytest.raises(HyperverseError, match=f"'{BOB}' may not create children in 'localhost:hers'"):
        await run(world.client(BOB), "create localhost:hers:his<Base>")
    assert (await world.registry.record(Point.parse("localhost:hers:more"))).owner == Point.parse(ALICE)


async def test_particles_of_one_owner_work_together(
    world: Machine, constellation: Constellation, clock: ManualClock
) -> None:
    echo, other = await constellation("echo", "other")
    await give(world, clock, ALICE, "localhost:echo")
    assert await echo.ping("localhost:hers:echo", "Ext<Hello>", 1) == 1
    with pytest.raises(Forbidden, match="'localhost:other' may not execute"):
        await other.ping("localhost:hers:echo", "Ext<Hello>", 1)


async def test_what_was_overridden_by_somebody_else_has_lost_its_rights(
    world: Machine, constellation: Constellation, clock: ManualClock
) -> None:
    (echo,) = await constellation("echo")
    await give(world, clock, ALICE, "localhost:echo")
    assert await echo.ping("localhost:hers:echo", "Ext<Hello>", 1) == 1
    await run(world.client(), "create! localhost:echo<EchoParticle>")
    await clock.advance(1)
    with pytest.raises(Forbidden):
        await echo.ping("localhost:hers:echo", "Ext<Hello>", 1)
