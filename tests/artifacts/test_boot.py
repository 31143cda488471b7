"""The boot bundle, from which User and UserBase have their binds."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from artifacts.conftest import SERIES
from hyperverse_artifacts.boot import BOOT
from hyperverse_core import Machine, Point
from hyperverse_core.config import Control
from hyperverse_core.errors import NotFound
from hyperverse_core.values import BindConfig


@pytest.fixture
async def booted(start_machine: Any, machine_config: Any) -> Machine:
    """A machine that clients can connect to: it has the platform's own space."""
    machine: Machine = await start_machine(config=attrs.evolve(machine_config, control=Control()))
    await machine.client().exec(
        "create localhost<Space>; create localhost:users<UserBase<Keycloak>>; create localhost:users:eve<User>"
    )
    return machine


async def test_users_have_the_binds_of_the_boot_bundle(booted: Machine) -> None:
    client = booted.client()
    for point, file in (("localhost:users:eve", "user"), ("localhost:users", "userbase")):
        source = f"{BOOT}:/bind/{file}.bind"
        assert (await client.get(point, []))["bind"] == source
        assert BindConfig.parse(await client.ask(source, "Cmd<Read>"))
        assert (await client.ping(point, "Cmd<Bounce>")).ok
        reply = await client.ping(point, "Ext<Hello>")
        assert (reply.status, "no route" in reply.error) == (404, True), reply.error
    login = await client.ping("localhost:users", "Http<Post>", path="/login")
    assert (login.status, "no handler" in login.error) == (404, True), login.error


async def test_a_user_needs_no_rights_on_the_boot_bundle(booted: Machine) -> None:
    eve = booted.client("localhost:users:eve")
    with pytest.raises(NotFound):
        await eve.ask(f"{BOOT}:/bind/user.bind", "Cmd<Read>")
    await booted.client().exec("grant perm +csd-rwX on localhost:users:eve to localhost:users:eve")
    assert "no route" in (await eve.ping("localhost:users:eve", "Ext<Hello>")).error


async def test_a_bind_that_an_owner_chooses_is_read_with_the_rights_of_the_particle(booted: Machine) -> None:
    client, eve = booted.client(), booted.client("localhost:users:eve")
    await client.exec("create localhost:apps<Base>; grant perm +Csd-rwx on localhost:apps to localhost:users:eve")
    source = f"{BOOT}:/bind/user.bind"
    await eve.create("localhost:apps:mine", "App", {"bind": source, "config": source})
    reply = await eve.ping("localhost:apps:mine", "Ext<Hello>")
    assert (reply.status, "cannot be read" in reply.error) == (400, True), reply.error


async def test_it_is_published_once(booted: Machine, start_machine: Any, machine_config: Any) -> None:
    before = await booted.registry.record(BOOT)
    again = await start_machine(config=attrs.evolve(machine_config, name="again", control=Control()))
    assert await again.registry.record(BOOT) == before
    assert await again.registry.record(Point.parse(f"{BOOT}:/bind/user.bind"))
    assert not await again.registry.records([Point.parse(SERIES)])


async def test_users_have_no_bind_where_nobody_has_published_it(repo: Machine) -> None:
    reply = await repo.client().ping("localhost:users:eve", "Ext<Hello>")
    assert (reply.status, "no handler" in reply.error) == (404, True), reply.error
