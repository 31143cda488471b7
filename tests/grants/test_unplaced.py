"""What an agent may not do gives no particle a place: that would be a write to the registry for each of thousands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, PropertiesConfig, PropertyDef, handler, hookimpl
from hyperverse_core.universe.selectors.selector import Selector

START = Callable[..., Awaitable[Machine]]
EVE, ANN = "hyperspace:users:eve", "hyperspace:users:ann"
MANY = 40


@pytest.fixture
async def machine(start_machine: START) -> AsyncIterator[Machine]:
    machine = await start_machine()
    await machine.client().exec(
        "create? hyperspace<Space>; create? hyperspace:users<UserBase<OAuth>>;"
        f"create {ANN}<User>; create {EVE}<User>; create localhost<Space>;"
        + "".join(f"create localhost:b{n}<Base>;" for n in range(MANY))
        + f"grant perm +cSd-rwx on localhost to {EVE}; grant perm +csd-Rwx on localhost:* to {ANN}"
    )
    yield machine


async def placed(machine: Machine) -> int:
    page = await machine.registry.select(Selector.parse("localhost:*"), limit=1000)
    return sum(record.assignment is not None for record in page.records)


async def test_a_refused_ping_signal_and_ripple_give_no_place(machine: Machine) -> None:
    eve = machine.client(EVE)
    assert (await eve.ping("localhost:b1", "Cmd<Read>")).status == 403
    assert (await eve.signal("localhost:b2", "Ext<Do>")).status == 403
    assert {echo.status for echo in await eve.ripple("localhost:*", "Ext<Do>")} == {403}
    assert await placed(machine) == 0


async def test_a_bounce_of_somebody_without_rights_is_answered_and_gives_no_place(machine: Machine) -> None:
    eve = machine.client(EVE)
    reply = await eve.ping("localhost:b1", "Cmd<Bounce>")
    assert (reply.status, reply.body) == (200, None)
    assert (await eve.ping("localhost:b1", "Cmd<Bounce>", "a body")).status == 400
    assert (await eve.signal("localhost:b2", "Cmd<Bounce>")).status == 202
    echoes = await eve.ripple("localhost:*", "Cmd<Bounce>")
    assert (len(echoes), {echo.status for echo in echoes}) == (MANY, {200})
    assert await placed(machine) == 0


async def test_whoever_may_do_something_there_gives_it_one(machine: Machine) -> None:
    ann = machine.client(ANN)
    assert (await ann.ping("localhost:b1", "Cmd<Bounce>")).ok
    assert (await ann.ping("localhost:b2", "Cmd<Read>")).ok
    assert (await ann.ping("localhost:b3", "Cmd<Update>", {})).status in (403, 404)
    assert await placed(machine) == 2


# -- a privilege that is missing -------------------------------------------------------------------------------


class Guarded(Particle):
    """Demands a privilege besides the permission."""

    @handler("Ext<Wipe>", privilege="wipe")
    async def wipe(self, ctx: Ctx) -> str:
        return "wiped"

    @handler("Ext<Look>")
    async def look(self, ctx: Ctx) -> str:
        return "here"


class GuardedDriver(Driver):
    kind = KindDef("Guarded", properties=PropertiesConfig((PropertyDef("bind"),)))
    particle = Guarded


class GuardedKinds:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(GuardedDriver)


INWARD = "+bind='Bind(version=1.0.0) { Route<Ext<*>> -> (()) => &; }'"
OUTWARD = "+bind='Bind(version=1.0.0) { Route<Ext<*>> -> localhost:other^Ext<Look> => &; }'"


@pytest.fixture
async def guarded(start_machine: START) -> Machine:
    machine = await start_machine(plugins=[GuardedKinds()])
    await machine.client().exec(
        f"create? hyperspace<Space>; create? hyperspace:users<UserBase<OAuth>>; create {ANN}<User>;"
        "create localhost<Space>; create localhost:other<Guarded>; create localhost:many<Base>;"
        f"create localhost:inward<Guarded>{{ {INWARD} }}; create localhost:outward<Guarded>{{ {OUTWARD} }};"
        + "".join(f"create localhost:many:g{n}<Guarded>;" for n in range(MANY))
        + f"grant perm +cSd-RWX on localhost+:** to {ANN}"
    )
    return machine


async def test_a_missing_privilege_gives_no_place(guarded: Machine) -> None:
    ann = guarded.client(ANN)
    assert (await ann.ping("localhost:other", "Ext<Wipe>")).status == 403
    assert (await ann.ping("localhost:inward", "Ext<Wipe>")).status == 403
    assert (await ann.signal("localhost:many:g1", "Ext<Wipe>")).status == 403
    assert {echo.status for echo in await ann.ripple("localhost:many:*", "Ext<Wipe>")} == {403}
    assert await homes(guarded) == set()


async def test_whoever_needs_no_privilege_or_has_it_gives_a_place(guarded: Machine) -> None:
    ann = guarded.client(ANN)
    assert await ann.ask("localhost:many:g1", "Ext<Look>") == "here"
    assert await ann.ask("localhost:outward", "Ext<Wipe>") == "here"  # its bind leads on, to a handler for everybody
    assert await homes(guarded) == {"localhost:many:g1", "localhost:outward", "localhost:other"}
    await guarded.client().exec(f"grant priv wipe on localhost:many:g2 to {ANN}")
    assert await ann.ask("localhost:many:g2", "Ext<Wipe>") == "wiped"
    assert (await ann.ping("localhost:many:g3", "Ext<Wipe>")).status == 403
    assert await homes(guarded) == {"localhost:many:g1", "localhost:many:g2", "localhost:outward", "localhost:other"}


async def homes(machine: Machine) -> set[str]:
    page = await machine.registry.select(Selector.parse("localhost:**"), limit=1000)
    return {record.point.text for record in page.records if record.assignment is not None}
