"""What a machine remembers does not outlive changes that it could not read: entries of the feed that were dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest_asyncio

from hyperverse_core import Config, Kind, Machine, Point, Registration
from hyperverse_core.testing import MemoryRegistry
from hyperverse_core.testing.fixtures import StartMachine
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.access.grant import GrantKind
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_core.universe.kind_defs.properties import SetProperty
from hyperverse_core.universe.selectors.selector import Selector

KEPT = 5
"""Entries of the feed that the registry keeps."""
C = Point.parse("localhost:c")
ANN = Point.parse("localhost:users:ann")


@pytest_asyncio.fixture
async def machine(start_machine: StartMachine) -> AsyncIterator[Machine]:
    """A machine with the particles a and b, both Workers, and the user ann."""
    machine = await start_machine(registry=MemoryRegistry(feed=KEPT))
    await machine.client().exec(
        "create localhost<Space>; create localhost:a<Worker>; create localhost:b<Worker>; "
        "create localhost:users<UserBase<Keycloak>>; create localhost:users:ann<User>"
    )
    yield machine


async def miss(machine: Machine) -> None:
    """Drops what was changed before from the feed, and has the machine notice."""
    for number in range(KEPT * 4):
        await machine.registry.set_properties([Point.parse("localhost")], [SetProperty("x", str(number))])
    await asyncio.sleep(0.1)


async def test_a_selector_finds_who_is_there(machine: Machine) -> None:
    async def reached() -> list[str]:
        echoes = await machine.client().ripple("localhost:*<Worker>", "Ext<Get>")
        return sorted(str(echo.sender) for echo in echoes)

    assert await reached() == ["localhost:a", "localhost:b"]
    await machine.registry.register(Registration(C, Kind("Worker"), HYPERUSER))
    await miss(machine)
    assert await reached() == ["localhost:a", "localhost:b", "localhost:c"]


async def test_a_property_has_the_value_that_was_set(machine: Machine) -> None:
    client = machine.client()
    point = Point.parse("localhost:t")
    await client.exec("create localhost:t<Taker>{ +note=old }")
    assert await client.get(point, ["note"]) == {"note": "old"}
    await machine.registry.set_properties([point], [SetProperty("note", "new")])
    await miss(machine)
    assert await client.get(point, ["note"]) == {"note": "new"}


async def test_a_bind_whose_source_is_gone_does_not_route(machine: Machine) -> None:
    client = machine.client()
    await client.exec("create localhost:page<Page>")
    text = "Bind(version=1.0.0) { Route<Ext<Number>> -> (()) => &; }"
    assert (await client.ping("localhost:page", "Cmd<Update>", {"text": text})).ok
    await client.exec("create localhost:t<Taker>{ +bind=localhost:page }")
    assert await client.ask("localhost:t", "Ext<Number>") == 7
    await machine.registry.delete([Point.parse("localhost:page")])
    await miss(machine)
    assert (await client.ping("localhost:t", "Ext<Number>")).status == 400


async def test_an_agent_has_the_rights_that_it_has_now(machine: Machine) -> None:
    grant = AccessGrant(
        GrantKind.parse("perm +csd-rwX"), Selector.parse("localhost:a"), Selector.parse(ANN.text), HYPERUSER
    )
    made = await machine.registry.grant(grant)
    ann = machine.client(agent=ANN.text)
    assert (await ann.ping("localhost:a", "Ext<Get>")).status == 200
    await machine.registry.revoke(made.id)
    await miss(machine)
    assert not (await ann.ping("localhost:a", "Ext<Get>")).ok


async def test_an_agent_sees_what_it_may_see_now(machine: Machine) -> None:
    ann = machine.client(agent=ANN.text)
    assert "no particle" in (await ann.ping("localhost:a", "Ext<Get>")).error
    grant = AccessGrant(
        GrantKind.parse("perm +cSd-rwx"), Selector.parse("localhost"), Selector.parse(ANN.text), HYPERUSER
    )
    await machine.registry.grant(grant)
    await miss(machine)
    assert (await ann.ping("localhost:a", "Ext<Get>")).status == 403


async def test_a_particle_belongs_to_whom_it_was_given(machine: Machine) -> None:
    ann = machine.client(agent=ANN.text)
    assert not (await ann.ping("localhost:a", "Ext<Get>")).ok
    await machine.registry.chown([Point.parse("localhost:a")], ANN)
    await miss(machine)
    assert (await ann.ping("localhost:a", "Ext<Get>")).status == 200


async def test_a_session_ends_with_the_token_that_was_revoked(machine: Machine) -> None:
    issued = await machine.client().ask("GLOBAL::users", "Ext<IssueToken>", {"agent": ANN.text})
    async with await machine.authenticate(issued["token"]) as ann:
        assert (await ann.ping(ANN, "Cmd<Bounce>")).ok
        for token in await machine.registry.tokens():
            if token.agent == ANN:
                await machine.registry.revoke_token(token.digest)
        await miss(machine)
        assert (await ann.ping(ANN, "Cmd<Bounce>")).status == 401


async def test_whoever_watches_is_told_to_look_again(machine: Machine) -> None:
    async with machine.client().watch("localhost:a", "State") as changes:
        await miss(machine)
        async with asyncio.timeout(60):
            async for change in changes:
                assert change.missed
                break


# -- of other machines -------------------------------------------------------------------------------------


async def test_nobody_sends_to_a_particle_that_was_deleted(start_machine: StartMachine, machine_config: Config) -> None:
    registry = MemoryRegistry(feed=KEPT)
    one, _ = [
        await start_machine(config=attrs.evolve(machine_config, name=name), registry=registry)
        for name in ("one", "other")
    ]
    await asyncio.sleep(1.0)
    client, far = one.client(), []
    await client.exec("create localhost<Space>")
    for number in range(12):
        await client.exec(f"create localhost:w{number}<Worker>")
        reply = await client.ping(f"localhost:w{number}", "Ext<Get>")
        far += [reply.sender] if reply.remote else []
    assert far
    await registry.delete(far[:1])
    await miss(one)
    assert (await client.signal(far[0], "Ext<Add>")).status == 404


async def test_a_machine_that_was_removed_stops_and_is_let_in_no_more(
    start_machine: StartMachine, tmp_path: Path
) -> None:
    registry = MemoryRegistry(feed=KEPT)
    alpha = await start_machine(config=Config(name="alpha", data_dir=tmp_path / "a", lanes="local"), registry=registry)
    await alpha.client().exec("create localhost<Space>")
    text = await alpha.client().ask("GLOBAL::machine", "Ext<Invite>", {})
    config = Config(name="beta", data_dir=tmp_path / "b", lanes="local", invitation=text)
    beta = await start_machine(config=config, registry=registry)
    async with asyncio.timeout(60):
        while not any(lane["state"] == "up" for lane in alpha.status()["lanes"]):  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
    keys = [key for key in await registry.machine_keys() if key.machine == "beta"]
    await registry.set_machine_keys([attrs.evolve(key, admitted=False) for key in keys])
    await miss(alpha)
    async with asyncio.timeout(60):
        await beta.wait_stopped()
        while any(lane["state"] == "up" for lane in alpha.status()["lanes"]):  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
