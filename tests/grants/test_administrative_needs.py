"""What is done to a machine is a need like any other: grants name its particle, and the policy alone decides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from hyperverse_core import Machine, Particle, hookimpl
from hyperverse_core.contracts.driver import Ctx, Driver, handler
from hyperverse_core.universe.kind_defs.kind_def import KindDef

pytestmark = pytest.mark.one_case_in(3)

MACHINE = "GLOBAL::machine"
ANN, EVE, ROBOT = "hyperspace:users:ann", "hyperspace:users:eve", "localhost:robot"
ACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "Ext<Rebalance>": ("machine:rebalance", {}),
    "Ext<Dump>": ("machine:dump", {}),
    "Ext<Load>": ("machine:load", {"seconds": 0.01}),
    "Ext<RotateSecrets>": ("machine:rotate", {}),
    "Ext<RotateClientsKey>": ("machine:keys", {"keep": 0}),
    "Ext<RotateMachineKey>": ("machine:keys", {"keep": 0}),
    "Ext<Figures>": ("machine:figures", {}),
    "Ext<Log>": ("machine:log", {}),
    "Ext<Trace>": ("machine:trace", {"to": ROBOT, "method": "Cmd<Bounce>", "linger": 0.0}),
    "Ext<Move>": ("machine:move", {"point": ROBOT, "star": "nonsense"}),
    "Ext<Drain>": ("machine:drain", {}),
    "Ext<Stop>": ("machine:stop", {}),
    "Ext<StartDriver>": ("machine:drivers", {"kind": "Robot"}),
    "Ext<Keys>": ("machine:keys", {}),
}
START = Callable[..., Awaitable[Machine]]


class Robot(Particle):
    """Sends what it is told, in its own name."""

    concurrent = True

    @handler("Ext<Send>")
    async def send(self, ctx: Ctx, method: str, body: Any = None) -> int:
        return (await ctx.ping(MACHINE, method, body)).status


class RobotDriver(Driver):
    kind = KindDef("Robot")
    particle = Robot


class RobotPlugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(RobotDriver)


@pytest.fixture
async def machine(start_machine: START) -> AsyncIterator[Machine]:
    machine = await start_machine(plugins=[RobotPlugin()])
    await machine.client().exec(
        "create? hyperspace<Space>; create? hyperspace:users<UserBase<OAuth>>;"
        f"create {ANN}<User>; create {EVE}<User>; create localhost<Space>; create {ROBOT}<Robot>"
    )
    yield machine


async def says(machine: Machine, command: str, agent: str | None = None) -> Any:
    client = machine.client() if agent is None else machine.client(agent)
    (result,) = await client.exec(command, check=False)
    return result.unwrap()


async def explained(machine: Machine, agent: str, method: str) -> bool:
    return bool((await says(machine, f"explain {agent} on {MACHINE} {method}"))["allowed"])


@pytest.mark.parametrize("method", ACTS)
async def test_a_program_of_the_hyperuser_is_refused_as_explain_says(machine: Machine, method: str) -> None:
    _, body = ACTS[method]
    assert await explained(machine, ROBOT, method) is False
    assert await machine.client().ask(ROBOT, "Ext<Send>", {"method": method, "body": body}) == 403
    assert await explained(machine, ROBOT, "Ext<Status>") is True
    assert await machine.client().ask(ROBOT, "Ext<Send>", {"method": "Ext<Status>"}) == 200


@pytest.mark.parametrize("method", ACTS)
@pytest.mark.parametrize("agent", [ANN, ROBOT])
async def test_a_grant_on_the_machine_lets_an_agent_do_that_alone(machine: Machine, agent: str, method: str) -> None:
    privilege, body = ACTS[method]
    await says(machine, f"grant priv {privilege} on {MACHINE} to {agent}")
    if agent == ANN:
        assert await explained(machine, agent, method) is False, "it takes x besides"
        await says(machine, f"grant perm +csd-rwX on {MACHINE} to {agent}")
    assert await explained(machine, agent, method) is True
    status = (await machine.client(agent).ping(MACHINE, method, body)).status
    assert status != 403, "the handler has no rule of its own"
    others = [other for other in ACTS if ACTS[other][0] != privilege]
    assert not any([await explained(machine, agent, other) for other in others])


async def test_the_keys_of_machines_are_changed_by_whoever_may(machine: Machine) -> None:
    ann, key = machine.client(ANN), machine.parts.transport.new_identity().public
    for body in ({"machine": "other", "key": key}, {"machine": "No Name", "key": key}):
        assert (await ann.ping(MACHINE, "Ext<AllowKey>", body)).status == 403
    await says(machine, f"grant perm +csd-rwX on {MACHINE} to {ANN}")
    await says(machine, f"grant priv machine:keys on {MACHINE} to {ANN}")
    for act in ("keys", "allow-key", "remove-key"):
        assert (await says(machine, f"explain {ANN} on {MACHINE} {act}"))["allowed"] is True
    await ann.ask(MACHINE, "Ext<AllowKey>", {"machine": "other", "key": key})
    assert (await ann.ask(MACHINE, "Ext<Keys>"))["other"] == key
    for name, wrong in (("No Name", key), ("third", "?"), ("../x", key)):
        assert (await ann.ping(MACHINE, "Ext<AllowKey>", {"machine": name, "key": wrong})).status == 400
    assert (await ann.ping(MACHINE, "Ext<AllowKey>", {"machine": "third", "key": key})).status == 409
    await ann.ask(MACHINE, "Ext<RemoveKey>", {"machine": "other"})
    assert "other" not in await ann.ask(MACHINE, "Ext<Keys>")
    assert (await ann.ping(MACHINE, "Ext<RemoveKey>", {"machine": "other"})).status == 404


async def test_to_watch_a_particle_needs_what_it_needs_at_that_particle_alone(machine: Machine) -> None:
    ann = machine.client(ANN)
    asked = (("Ext<Watch>", {"point": ROBOT, "aspects": ["State"]}), ("Ext<Describe>", {"point": ROBOT}))

    async def statuses() -> list[int]:
        return [(await ann.ping(MACHINE, method, body)).status for method, body in asked]

    assert (await ann.ping(MACHINE, "Ext<Status>")).status == 403
    assert await statuses() == [404, 404], "she may not know of it"
    assert [await explained(machine, ANN, method) for method, _ in asked] == [True, True]
    await says(machine, f"grant perm +cSd-rwx on localhost to {ANN}")
    assert await statuses() == [403, 403]
    await says(machine, f"grant perm +csd-Rwx on {ROBOT} to {ANN}")
    assert await statuses() == [200, 200]
    assert (await ann.ping(MACHINE, "Ext<Unwatch>")).status == 200
    assert (await ann.ping(MACHINE, "Ext<Status>")).status == 403


async def test_what_is_granted_on_the_machine_is_listed_and_revoked(machine: Machine) -> None:
    made = await says(machine, f"grant priv machine:dump on {MACHINE} to {ANN}")
    assert made["on"] == MACHINE
    await says(machine, f"grant perm +csd-rwX on {MACHINE} to {ANN}")
    assert len(await says(machine, f"grants on {MACHINE}")) == 2
    holders = (await says(machine, f"access {MACHINE}"))["holders"]
    assert (ANN, "csd-rwX with machine:dump") in [(h["agent"], h["access"]) for h in holders]
    assert (await machine.client(ANN).ping(MACHINE, "Ext<Dump>")).status == 200
    await says(machine, f"revoke {made['id']}")
    assert (await machine.client(ANN).ping(MACHINE, "Ext<Dump>")).status == 403


async def test_super_on_the_machine_lets_an_agent_grant_in_its_turn(machine: Machine) -> None:
    (refused,) = await machine.client(ANN).exec(f"grant priv machine:dump on {MACHINE} to {EVE}", check=False)
    assert refused.status == 403
    (refused,) = await machine.client(ROBOT).exec(f"grant priv machine:dump on {MACHINE} to {EVE}", check=False)
    assert refused.status == 403, "to belong to the hyperuser is not enough"
    await says(machine, f"grant super on {MACHINE} to {ANN}")
    await says(machine, f"grant priv machine:dump on {MACHINE} to {EVE}", ANN)
    await says(machine, f"grant perm +csd-rwX on {MACHINE} to {EVE}", ANN)
    assert await explained(machine, EVE, "Ext<Dump>") is True
    preview = await says(machine, f"grant priv machine:stop on {MACHINE} to {EVE} dry-run", ANN)
    assert [row["agent"] for row in preview["would_change"]] == [EVE]
    assert "machine:stop" in preview["would_change"][0]["then"]


async def test_a_grant_on_a_pattern_of_the_hyperverse_reaches_no_machine(machine: Machine) -> None:
    await says(machine, f"grant priv * on +:** to {ANN}")
    await says(machine, f"grant super on ** to {EVE}")
    for agent in (ANN, EVE):
        assert await explained(machine, agent, "Ext<Stop>") is False


async def test_a_star_can_be_named_too(machine: Machine) -> None:
    star = next(row["star"] for row in await machine.client().ask(MACHINE, "Ext<Stars>") if "machine" in row["star"])
    made = await says(machine, f"grant perm +csd-Rwx on <<{star}>>::star to {ANN}")
    assert made["on"] == f"<<{star}>>::star"
    assert (await says(machine, f"explain {ANN} on <<{star}>>::star"))["access"] == "csd-Rwx"


@pytest.mark.parametrize(
    ("on", "status"),
    [
        ("GLOBAL::machin", 404),
        ("GLOBAL::machine:below", 404),
        ("GLOBAL::*", 400),
        ("GLOBAL::machine+:**", 400),
        ("GLOBAL::machine<Global>", 400),
        ("REMOTE::machine", 400),
        ("<<STAR::central:nowhere[0]>>::star", 404),
        ("<<STAR::machine:local[0]>>::controls", 404),
        ("GLOBAL::", 400),
    ],
)
async def test_a_grant_names_a_particle_that_the_platform_has(machine: Machine, on: str, status: int) -> None:
    (result,) = await machine.client().exec(f"grant priv machine:stop on {on} to {ANN}", check=False)
    assert (result.status, bool(result.error)) == (status, True)


@pytest.mark.parametrize("command", ["select {}", "delete {}", "ripple {} Cmd<Bounce>", "grants to {}"])
async def test_only_what_is_granted_on_may_have_a_route(machine: Machine, command: str) -> None:
    (result,) = await machine.client().exec(command.format(MACHINE), check=False)
    assert result.status == 400
