"""A refusal carries its reasons to the agent that is refused, and to nobody else; acts are explained like waves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from hyperverse_core import Machine, Particle, hookimpl
from hyperverse_core.cli.terminal.explained import refusal_lines
from hyperverse_core.contracts.driver import Ctx, Driver, handler
from hyperverse_core.errors import Forbidden
from hyperverse_core.universe.waves.wave import Pong
from hyperverse_core.values import KindDef, PropertiesConfig, PropertyDef

MACHINE = "GLOBAL::machine"
HYPER, ANN, EVE = "hyperspace:users:hyperuser", "hyperspace:users:ann", "hyperspace:users:eve"
VAULT, SHED, RELAY = "localhost:vault", "localhost:shed", "localhost:relay"
START = Callable[..., Awaitable[Machine]]


class Porter(Particle):
    """Asks others in its own name, and passes on what they answer or raise."""

    concurrent = True

    @handler("Ext<Work>")
    async def work(self, ctx: Ctx) -> str:
        return "done"

    @handler("Ext<PassOn>")
    async def pass_on(self, ctx: Ctx, to: str) -> Pong:
        return await ctx.ping(to, "Ext<Work>")

    @handler("Ext<Raise>")
    async def raises(self, ctx: Ctx, to: str) -> object:
        return (await ctx.ping(to, "Ext<Work>")).unwrap()


class PorterDriver(Driver):
    kind = KindDef("Porter", properties=PropertiesConfig((PropertyDef("bind"),)))
    particle = Porter


class PorterPlugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(PorterDriver)


@pytest.fixture
async def machine(start_machine: START) -> AsyncIterator[Machine]:
    machine = await start_machine(plugins=[PorterPlugin()])
    await says(
        machine,
        "create? hyperspace<Space>; create? hyperspace:users<UserBase<OAuth>>;"
        f"create {ANN}<User>; create {EVE}<User>; create localhost<Space>;"
        f"create {VAULT}<Porter>; create {SHED}<Porter>; chown {SHED} to {EVE};"
        f"grant perm +cSd-rwx on localhost to {ANN}; grant perm +csd-rwX on {SHED} to {ANN};"
        f"grant perm +csd-RwX on {VAULT} to {ANN}; grant perm &CSD-RWx on {VAULT} to {ANN}",
    )
    yield machine


async def says(machine: Machine, text: str, agent: str | None = None) -> Any:
    client = machine.client() if agent is None else machine.client(agent)
    for result in await client.exec(text):
        body = result.unwrap()
    return body


async def refusal(machine: Machine, agent: str, text: str) -> Forbidden:
    (result,) = await machine.client(agent).exec(text, check=False)
    with pytest.raises(Forbidden) as caught:
        result.unwrap()
    return caught.value


async def test_a_refused_wave_says_what_it_needs_what_decided_and_who_can_help(machine: Machine) -> None:
    for _ in range(3):  # the second answer is one that is kept
        reply = await machine.client(ANN).ping(VAULT, "Ext<Work>")
        said = reply.body["explain"]
        assert (said["agent"], said["point"], said["method"]) == (ANN, VAULT, "Ext<Work>")
        assert said["needs"] == {"permission": "x", "privilege": "", "power": ""}
        assert (said["allowed"], said["access"]) == (False, "csd-Rwx")
        (reason,) = said["reasons"]
        assert (reason["text"], reason["decides"]) == (
            f"perm &CSD-RWx on {VAULT} to {ANN} by {HYPER}",
            True,
        )
        assert reason["why"] == f"{HYPER} has full access there"
        assert "grant perm +csd-rwX" in said["hint"] == reply.body["hint"]
    told = await says(machine, f"explain {ANN} on {VAULT} Ext<Work>", ANN)
    assert {k: v for k, v in told.items() if k != "reasons"} == {k: v for k, v in said.items() if k != "reasons"}
    assert reason in told["reasons"]


async def test_python_has_the_reasons_in_the_error(machine: Machine) -> None:
    with pytest.raises(Forbidden) as caught:
        await machine.client(ANN).ask(VAULT, "Ext<Work>")
    assert caught.value.explanation is not None
    assert caught.value.explanation["rule"] == "the effective grants"
    told = (await refusal(machine, ANN, f"set {VAULT} {{ +bind=x:y:1.0.0:/a }}")).explanation
    assert told is not None and told["needs"] == {"permission": "w", "privilege": "", "power": ""}


async def test_a_refusal_by_privilege_names_the_privilege(machine: Machine) -> None:
    await says(machine, f"grant perm +csd-rwX on {MACHINE} to {ANN}")
    said = (await machine.client(ANN).ping(MACHINE, "Ext<Drain>")).body["explain"]
    assert said["needs"] == {"permission": "", "privilege": "machine:drain", "power": ""}
    assert said["reasons"] == [], "nothing takes it away: nobody has given it"


async def test_what_is_hidden_is_not_explained(machine: Machine) -> None:
    reply = await machine.client(EVE).ping(VAULT, "Ext<Work>")
    assert (reply.status, "explain" in reply.body) == (404, False)


@pytest.mark.parametrize("method", ["Ext<PassOn>", "Ext<Raise>"])
async def test_the_reasons_of_another_agent_are_not_passed_on(machine: Machine, method: str) -> None:
    await says(machine, f"grant perm +csd-rwX on {MACHINE} to {SHED}")  # so that it knows of it
    await says(machine, f"grant perm +cSd-rwx on localhost to {SHED}")
    reply = await machine.client(ANN).ping(SHED, method, {"to": VAULT})
    assert reply.status == 403
    assert SHED in reply.error
    assert "explain" not in reply.body


async def test_nor_those_of_a_particle_whose_bind_was_followed(machine: Machine) -> None:
    await says(
        machine,
        f"create {RELAY}<Porter>{{+bind='Bind(version=1.0.0) {{ Route<Ext<Work>> -> {VAULT} => &; }}' }};"
        f"chown {RELAY} to {EVE}; grant perm +cSd-rwx on localhost to {RELAY}; grant perm +csd-rwX on {RELAY} to {ANN}",
    )
    reply = await machine.client(ANN).ping(RELAY, "Ext<Work>")
    assert (reply.status, RELAY in reply.error) == (403, True)
    assert "explain" not in reply.body


async def test_the_many_refusals_of_a_ripple_carry_no_reasons(machine: Machine) -> None:
    echoes = await machine.client(ANN).ripple([VAULT, VAULT], "Ext<Work>")
    assert [(echo.status, "explain" in echo.body) for echo in echoes] == [(403, False)] * len(echoes)


async def test_a_grant_without_power_is_refused_with_its_reasons(machine: Machine) -> None:
    for command in (f"grant perm +csd-Rwx on {VAULT} to {EVE}", f"chown {VAULT} to {ANN}"):
        told = (await refusal(machine, ANN, command)).explanation
        assert told is not None
        assert (told["agent"], told["point"], told["allowed"]) == (ANN, VAULT, False)
        power = "super" if command.startswith("chown") else "full"
        assert told["needs"] == {"permission": "", "privilege": "", "power": power}


ACTS = (
    ("create", "localhost:new", "localhost", ("c", "", "")),
    ("delete", VAULT, "localhost", ("d", "", "")),
    ("select", VAULT, "localhost", ("s", "", "")),
    ("get", VAULT, VAULT, ("r", "", "")),
    ("watch", VAULT, VAULT, ("r", "", "")),
    ("read", VAULT, VAULT, ("r", "", "")),
    ("set", VAULT, VAULT, ("w", "", "")),
    ("write", VAULT, VAULT, ("w", "", "")),
    ("access", VAULT, VAULT, ("csdrwx", "", "")),
    ("explain", VAULT, VAULT, ("csdrwx", "", "")),
    ("grant", VAULT, VAULT, ("", "", "full")),
    ("revoke", VAULT, VAULT, ("", "", "full")),
    ("chown", VAULT, VAULT, ("", "", "super")),
    ("token", EVE, EVE, ("", "", "full")),
    ("pass-on", VAULT, VAULT, ("x", "", "")),
    ("status", MACHINE, MACHINE, ("x", "", "")),
)
"""The word, the point that the command would name, the particle that decides, and what is needed."""


async def test_an_act_is_explained_by_its_word(machine: Machine) -> None:
    for act, point, target, needs in ACTS:
        found = await says(machine, f"explain {ANN} on {point} {act}")
        assert (act, found["point"], tuple(found["needs"].values())) == (act, target, needs)
        permission, _, power = needs
        has = found["access"].partition(" ")[0]
        assert found["allowed"] is (not power and all(letter.upper() in has for letter in permission)), act
        assert (await says(machine, f"explain {HYPER} on {point} {act}"))["allowed"] is True


async def test_what_is_done_to_a_machine_is_explained_by_its_word(machine: Machine) -> None:
    await says(machine, f"grant perm +csd-rwX on {MACHINE} to {ANN}")
    for act in ("stop", "drain", "rebalance", "move", "trace", "dump", "load"):
        found = await says(machine, f"explain {ANN} on {MACHINE} {act}")
        assert (found["method"], found["needs"]["privilege"]) == (f"Ext<{act.capitalize()}>", f"machine:{act}")
        assert found["allowed"] is False
        await says(machine, f"grant priv machine:{act} on {MACHINE} to {ANN}")
        assert (await says(machine, f"explain {ANN} on {MACHINE} {act}"))["allowed"] is True
    for unknown in ("drian", "ext", "machine"):
        (result,) = await machine.client().exec(f"explain {ANN} on {MACHINE} {unknown}", check=False)
        assert (result.status, "drain" in result.body["hint"]) == (400, True)


async def test_an_owner_may_grant_and_not_give_away(machine: Machine) -> None:
    assert (await says(machine, f"explain {EVE} on {SHED} grant"))["allowed"] is True
    refused = await says(machine, f"explain {EVE} on {SHED} chown")
    assert (refused["allowed"], refused["access"]) == (False, "Owner")
    assert "grant super on" in refused["hint"]


@pytest.mark.parametrize("said", [None, [], "no", {}, {"needs": 1}, {"needs": {}, "access": 3, "rule": []}])
def test_the_command_shows_no_explanation_that_is_none(said: object) -> None:
    assert refusal_lines(said) == []
