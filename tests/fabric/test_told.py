"""What is told to those who may not know: the hidden looks like what does not exist, by every command and method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hyperverse_core import Machine, Point

START = Callable[..., Awaitable[Machine]]
ANN, BOB = "hyperspace:users:ann", "hyperspace:users:bob"
HERE, GONE = "localhost:here", "localhost:gone"
COMMANDS = [
    "get {}",
    "get {}{{}}",
    "get {}{{ title }}",
    "set {}{{ +title=x }}",
    "read {}",
    "write {} 1",
    "ping {}",
    "ping {} Cmd<Bounce>",
    "ping {} Ext<Hello>",
    "signal {} Ext<Hello>",
    "delete {}",
    "delete {}:*",
    "delete {} dry-run",
    "select {}",
    "select {}:*",
    "select {}+:**",
    "create {}:child<Base>",
    "create! {}:child<Base>",
    "ripple {} Cmd<Bounce>",
    "ripple {} Ext<Hello>",
    "ripple {}+:** Ext<Hello>",
    "set {}+:**{{ +title=x }}",
    f"grant perm +csd-rwX on {{}} to {ANN}",
    f"grant perm +csd-rwX on {{}} to {ANN} dry-run",
    f"chown {{}} to {ANN}",
    f"explain {ANN} on {{}}",
    f"explain {ANN} on {{}} Ext<Hello>",
    f"explain {BOB} on {{}}",
    "access {}",
]


@pytest.fixture
async def machine(machine: Machine) -> Machine:
    await machine.client().exec(
        "create? hyperspace<Space>; create? hyperspace:users<UserBase<OAuth>>;"
        f"create {ANN}<User>; create {BOB}<User>; create localhost<Space>; create {HERE}<EchoParticle>;"
        f"create {HERE}:below<Base>"
    )
    return machine


async def said(machine: Machine, command: str, agent: str = ANN) -> Any:
    """What the agent is told: status, outcome and body."""
    (result,) = await machine.client(agent).exec(command, check=False)
    return result.status, str(result.outcome), result.body


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_hidden_particle_looks_like_none(machine: Machine, command: str) -> None:
    hidden = await said(machine, command.format(HERE))
    absent = await said(machine, command.format(GONE))
    assert repr(hidden).replace(HERE, GONE) == repr(absent)
    assert hidden[0] != 403 or command.startswith(("grant", "chown")), "who has no power is told so of any point"
    assert "below" not in repr(hidden)


async def test_also_below_a_particle_that_the_agent_knows_and_may_not_select(machine: Machine) -> None:
    """She may select ``localhost``, so she knows of ``localhost:here``; and everybody knows of ROOT."""
    owner = machine.client()
    await owner.exec(f"grant perm +cSd-rwx on localhost to {ANN}; create {HERE}:below:deeper<Base>")
    for here, gone in ((f"{HERE}:below", f"{HERE}:gone"), ("localhost", "nowhere")):
        if here == "localhost":
            await owner.exec("revoke 1")
        for command in COMMANDS:
            hidden = repr(await said(machine, command.format(here)))
            absent = repr(await said(machine, command.format(gone)))
            for text in (here, here.rpartition(":")[2]):
                hidden = hidden.replace(text, gone if text == here else gone.rpartition(":")[2])
            assert hidden == absent, command
            assert "deeper" not in hidden


@pytest.mark.parametrize("method", ["Cmd<Bounce>", "Cmd<Read>", "Cmd<Update>", "Ext<Hello>", "Http<Get>"])
async def test_by_waves_too(machine: Machine, method: str) -> None:
    client = machine.client(ANN)
    found = []
    for point in (HERE, GONE):
        reply = await client.ping(point, method)
        signal = await client.signal(point, method)
        echoes = await client.ripple([Point.parse(point)], method)
        found.append(repr([(r.status, str(r.outcome), r.body) for r in (reply, signal, *echoes)]).replace(HERE, GONE))
    assert found[0] == found[1]
    assert await client.ripple("localhost:**", method) == []


@pytest.mark.parametrize("aspect", ["State", "Property", "Child", "Log"])
async def test_nobody_watches_or_describes_what_is_hidden(machine: Machine, aspect: str) -> None:
    await machine.client().exec(f"grant perm +csd-rwX on GLOBAL::machine to {ANN}")
    client = machine.client(ANN)
    for method, more in (("Ext<Watch>", {"aspects": [aspect]}), ("Ext<Describe>", {})):
        hidden = await client.ping("GLOBAL::machine", method, {"point": HERE, **more})
        absent = await client.ping("GLOBAL::machine", method, {"point": GONE, **more})
        assert (hidden.status, absent.status) == (404, 404)


async def test_names_are_suggested_to_those_who_may_select_them(machine: Machine) -> None:
    assert "here" not in repr(await said(machine, "get localhost:hare"))
    assert "here" not in repr((await machine.client(ANN).ping("localhost:hare", "Ext<Hello>")).body)
    await machine.client().exec(f"grant perm +cSd-rwx on localhost to {ANN}")
    assert HERE in repr(await said(machine, "get localhost:hare"))
    assert HERE in repr((await machine.client(ANN).ping("localhost:hare", "Ext<Hello>")).body)


async def test_who_may_select_the_parent_is_told_what_is_missing(machine: Machine) -> None:
    await machine.client().exec(f"grant perm +cSd-rwx on localhost to {ANN}")
    for command in ("get {}", "set {}{{ +title=x }}", "ping {} Ext<Hello>", "access {}", "create {}:x<Base>"):
        status, _, body = await said(machine, command.format(HERE))
        assert status == 403
        assert "grant" in body.get("hint", "") or "takes" in body.get("hint", "")


async def test_who_has_a_right_uses_it_without_selecting_the_parent(machine: Machine) -> None:
    await machine.client().exec(f"grant perm +csd-RwX on {HERE} to {ANN}")
    assert (await said(machine, f"get {HERE}"))[0] == 200
    assert (await said(machine, f"ping {HERE}"))[0] == 200
    assert (await said(machine, f"explain {ANN} on {HERE}"))[0] == 200
    await machine.client().exec(f"grant perm +csd-rWx on {HERE} to {ANN}; chown {HERE} to {BOB}")
    assert (await said(machine, f"grant perm +csd-Rwx on {HERE} to {ANN}", BOB))[0] == 200


async def test_the_end_of_a_page_names_nobody_who_is_hidden(machine: Machine) -> None:
    client = machine.client()
    for start in range(0, 1500, 500):
        await client.exec("; ".join(f"create {HERE}:p{n:04}<Base>" for n in range(start, start + 500)))
    await client.exec(f"create {HERE}:z<Base>; grant perm +cSd-rwx on {HERE}:z to {ANN}; create {HERE}:z:seen<Base>")
    status, _, body = await said(machine, "select localhost:** into points")
    assert (status, body) == (200, {"items": [f"{HERE}:z:seen"], "after": None})


async def test_a_refusal_that_is_not_told_is_in_the_audit_log(machine: Machine) -> None:
    from hyperverse_core.data_dir.audit.files import AuditPlace
    from hyperverse_core.data_dir.audit.reading import rows_of

    await said(machine, f"get {HERE}")
    await said(machine, f"grant perm +csd-rwX on {HERE} to {ANN}")
    rows = [row for row in rows_of(AuditPlace.of(machine.data_dir, machine.name)) if row["event"] == "denied"]
    assert [(row["action"], row["target"]) for row in rows] == [("get", HERE), ("grant", HERE)]
