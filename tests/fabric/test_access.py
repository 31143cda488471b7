"""The fabric asks the policy for every wave; particles never do."""

from __future__ import annotations

import asyncio

import pytest

from hyperverse_core import Kind, Machine, Observer, Point, Registration, Scope
from hyperverse_core.fabric.delivery.local_sender import LocalSender
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.access.grant import GrantKind
from hyperverse_core.universe.address.point import ANONYMOUS, HYPERUSER
from hyperverse_core.universe.selectors.selector import Selector
from hyperverse_grants.policy import GrantsPolicy

ANN = "localhost:users:ann"


async def let(machine: Machine, what: str, on: str, to: str = ANN) -> int:
    grant = AccessGrant(GrantKind.parse(what), Selector.parse(on), Selector.parse(to), HYPERUSER)
    return (await machine.registry.grant(grant)).id


class Denials(Observer):
    """Notes who was refused what."""

    def __init__(self) -> None:
        self.denied: list[str] = []

    def access_denied(self, agent, target, method, reason) -> None:
        self.denied.append(f"{agent} {method} {target}")


@pytest.fixture
def users(machine: Machine, world):
    async def make() -> None:
        await world("users<UserBase<Keycloak>>", "users:ann<User>", "a<Worker>", "r<Relay>")
        for point in (*reversed([p for p in HYPERUSER.ancestors() if not p.is_root]), HYPERUSER):
            await machine.registry.register(Registration(point, Kind("Base"), HYPERUSER))  # a grantor is a particle
        await let(machine, "perm +cSd-rwx", "+:**", "+:**")  # nothing is hidden here

    return make


async def test_a_stranger_may_only_bounce(machine: Machine, users) -> None:
    await users()
    for agent in (ANN, ANONYMOUS):
        client = machine.client(agent=agent)
        assert (await client.ping("localhost:a", "Cmd<Bounce>")).status == 200
        for method in ("Ext<Get>", "Cmd<Read>", "Http<Get>"):
            assert (await client.ping("localhost:a", method)).status == 403
        assert (await client.signal("localhost:a", "Ext<Get>")).status == 403
        assert {e.status for e in await client.ripple("localhost:a", "Ext<Get>")} == {403}


async def test_a_denied_wave_never_reaches_the_target_and_is_observed(machine: Machine, users) -> None:
    await users()
    watch = Denials()
    machine.parts.interceptors.add(watch)
    reply = await machine.client(agent=ANN).ping("localhost:a", "Ext<Work>", {"tag": "x"})
    assert (reply.status, str(reply.outcome)) == (403, "rejected")
    assert watch.denied == [f"{ANN} Ext<Work> localhost:a"]
    assert await machine.client().ask("localhost:a", "Ext<Book>") == []


async def test_a_grant_counts_at_once_and_so_does_its_end(machine: Machine, users) -> None:
    await users()
    ann = machine.client(agent=ANN)
    assert (await ann.ping("localhost:a", "Ext<Get>")).status == 403
    grant = await let(machine, "perm +csd-rwX", "localhost:a")
    await asyncio.sleep(0.1)  # the change feed brings it
    assert (await ann.ping("localhost:a", "Ext<Get>")).status == 200
    assert (await ann.ping("localhost:a", "Cmd<Read>")).status == 403
    await machine.registry.revoke(grant)
    await asyncio.sleep(0.1)
    assert (await ann.ping("localhost:a", "Ext<Get>")).status == 403


async def test_a_privilege_that_a_handler_demands_is_asked_for_too(machine: Machine, users) -> None:
    await users()
    await let(machine, "perm +csd-rwX", "localhost:a")
    await asyncio.sleep(0.1)
    ann = machine.client(agent=ANN)
    assert (await ann.ping("localhost:a", "Ext<Owner>")).status == 403
    await let(machine, "priv press-red-button", "localhost:a")
    await asyncio.sleep(0.1)
    assert (await ann.ping("localhost:a", "Ext<Owner>")).body == "pressed"
    assert (await ann.signal("localhost:a", "Ext<Owner>")).status == 202


async def test_an_owner_may_do_everything_with_what_it_owns(machine: Machine, users) -> None:
    await users()
    await machine.registry.chown([Point.parse("localhost:a")], Point.parse(ANN))
    await asyncio.sleep(0.1)
    ann = machine.client(agent=ANN)
    assert (await ann.ping("localhost:a", "Ext<Owner>")).ok
    assert (await ann.ping("localhost:a", "Cmd<Read>")).ok


async def test_a_wave_from_a_handler_is_sent_in_the_name_of_its_particle(machine: Machine, users) -> None:
    await users()
    await let(machine, "perm +csd-rwX", "localhost:r")
    await asyncio.sleep(0.1)
    body = {"to": "localhost:a", "method": "Ext<Get>"}
    ann = machine.client(agent=ANN)
    # r belongs to the hyperuser, as a does: what a person runs may work on what that person owns
    assert (await ann.ask("localhost:r", "Ext<Relay>", body))["status"] == 200
    assert (await ann.ask("localhost:r", "Ext<Relay>", {**body, "behalf": True}))["status"] == 403


async def test_on_behalf_tells_the_next_one_who_asked(machine: Machine, users) -> None:
    await users()
    await let(machine, "perm +csd-rwX", "localhost:*")
    await asyncio.sleep(0.1)
    body = {"to": "localhost:r", "method": "Ext<Whoami>"}
    ann = machine.client(agent=ANN)
    assert (await ann.ask("localhost:r", "Ext<Relay>", body))["body"]["agent"] == "localhost:r"
    told = (await ann.ask("localhost:r", "Ext<Relay>", {**body, "behalf": True}))["body"]
    assert (told["agent"], told["sender"]) == (ANN, "localhost:r")


async def test_a_scope_bounds_what_is_done_and_what_is_done_on_behalf(machine: Machine, users) -> None:
    await users()
    star = machine.parts.home.point
    nothing = LocalSender(machine.parts.outbound, sender=star, agent=HYPERUSER, scope=Scope.parse("None"))
    assert (await nothing.ping("localhost:a", "Ext<Get>")).status == 404
    everything = LocalSender(machine.parts.outbound, sender=star, agent=HYPERUSER, scope=Scope.parse("Full"))
    assert (await everything.ping("localhost:a", "Ext<Get>")).status == 200
    assert (await nothing.ping("localhost:a", "Ext<Get>")).status == 404  # nobody's answer is kept for another


async def test_commands_ask_for_what_they_need(machine: Machine, users) -> None:
    await users()
    ann = machine.client(agent=ANN)
    for command in (
        "create localhost:x<Worker>",
        "create! localhost:a<Worker>",
        "delete localhost:a",
        "select localhost:*",
        "get localhost:a",
        "get localhost:a{ note }",
        "set localhost:a{ +note=x }",
        "read localhost:a",
        "write localhost:a text",
        "ping localhost:a Ext<Get>",
        "signal localhost:a Ext<Get>",
    ):
        result = (await ann.exec(command, check=False))[0]
        assert (command, result.status) == (command, 200 if command.startswith("select") else 403)
    assert (await ann.exec("ping localhost:a", check=False))[0].status == 200


async def test_what_is_created_belongs_to_its_creator(machine: Machine, users) -> None:
    await users()
    await let(machine, "perm +Csd-rwx", "localhost")
    await asyncio.sleep(0.1)
    ann = machine.client(agent=ANN)
    assert (await ann.exec("create localhost:mine<Worker>", check=False))[0].ok
    assert (await machine.registry.record(Point.parse("localhost:mine"))).owner.text == ANN
    assert (await ann.ping("localhost:mine", "Ext<Add>")).ok
    # who may create beside it may not replace what belongs to somebody else
    assert (await ann.exec("create! localhost:a<Worker>", check=False))[0].status == 403
    assert (await ann.exec("create! localhost:new<Worker>", check=False))[0].ok


@pytest.mark.parametrize("act", ["Stop", "Drain", "Rebalance", "Trace", "Dump"])
async def test_a_machine_is_administered_by_the_hyperuser_only(machine: Machine, users, act: str) -> None:
    await users()
    watch = Denials()
    machine.parts.interceptors.add(watch)
    method = f"Ext<{act}>"
    body = {"to": "localhost:a", "method": "Ext<Get>"} if act == "Trace" else None
    assert (await machine.client(agent=ANN).ping("GLOBAL::machine", method, body)).status == 403
    assert watch.denied == [f"{ANN} {method} GLOBAL::machine"]
    # a program of the hyperuser is the owner of what is hers, and yet may not
    relay = {"to": "GLOBAL::machine", "method": method, "body": body}
    assert (await machine.client().ask("localhost:r", "Ext<Relay>", relay))["status"] == 403
    assert watch.denied[1:] == [f"localhost:r {method} GLOBAL::machine"]


async def test_a_policy_is_told_whose_handler_waits_for_a_command(machine: Machine, users, monkeypatch) -> None:
    await users()
    asked = []
    decide = GrantsPolicy.decide

    async def note(self, request):
        asked.append(request)
        return await decide(self, request)

    monkeypatch.setattr(GrantsPolicy, "decide", note)
    for command in ("create localhost:made<Worker>", "delete localhost:made"):
        assert (await machine.client().ask("localhost:r", "Ext<Execute>", {"command": command}))["status"] == 200
    asking = [request for request in asked if request.agent.text == "localhost:r" and request.action != "select"]
    chains = {request.action: request.chain for request in asking}
    assert chains == {"create": ("localhost:r",), "delete": ("localhost:r",)}
