"""Particles are registered by rules, placed by their first wave, and found wherever they live."""

from __future__ import annotations

import asyncio

import pytest

from hyperverse_core import Machine, Observer, Point, Strategy
from hyperverse_core.errors import BadRequest, Conflict, NotFound, UnknownKind
from hyperverse_core.fabric.particles.caller import Caller


class Watch(Observer):
    def __init__(self) -> None:
        self.lives: list[str] = []

    def particle_provisioned(self, point: Point, star: object) -> None:
        self.lives.append(f"+{point}")

    def particle_released(self, point: Point, star: object) -> None:
        self.lives.append(f"-{point}")


async def one(machine: Machine, command: str, agent: str = "hyper:users:hyperuser"):
    return (await machine.client(agent=agent).exec(command, check=False))[0] if agent else None


async def run(machine: Machine, command: str):
    return (await machine.client().exec(command, check=False))[0]


async def test_creating_only_registers(machine: Machine, world) -> None:
    await world("a<Worker>")
    assert (await machine.registry.record(Point.parse("localhost:a"))).assignment is None
    assert (await machine.client().ping("localhost:a", "Ext<Get>")).ok
    assert (await machine.registry.record(Point.parse("localhost:a"))).assignment is not None


async def test_many_first_waves_at_once_bring_one_particle_to_life(machine: Machine, world) -> None:
    watch = Watch()
    machine.parts.interceptors.add(watch)
    await world("a<Worker>")
    client = machine.client()
    replies = await asyncio.gather(*(client.ping("localhost:a", "Ext<Add>") for _ in range(50)))
    assert sorted(r.body for r in replies) == list(range(1, 51))
    assert watch.lives == ["+localhost:a"]


async def test_two_stars_that_want_one_particle_at_once_settle_it_in_the_registry(machine: Machine, world) -> None:
    await world("a<Worker>")
    record = await machine.registry.record(Point.parse("localhost:a"))
    stars = [star for star in machine.parts.homes.values() if star.can_host("Worker")][:3]
    tries = await asyncio.gather(*(s.adopt(record, None) for s in stars), return_exceptions=True)
    assert sum(isinstance(t, Conflict) for t in tries) == 2
    reply = await machine.client().ping("localhost:a", "Ext<Add>")
    assert (reply.status, reply.body) == (200, 1)


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("create localhost:a<Worker>", 409, "there is a particle 'localhost:a' already"),
        ("create localhost:x:y<Worker>", 404, "'localhost:x' does not exist"),
        ("create localhost:x<Wurker>", 404, "Wurker"),
        ("create localhost:x<Space>", 400, "cannot live under 'localhost', a Space"),
        ("create space<Worker>", 400, "cannot contain a Worker"),
        ("create localhost:x<Worker>{ +colour=red }", 400, "colour"),
        ("create localhost:x<Relay>{ +note=red }", 400, "note"),
        ("create? localhost:a<Relay>", 409, "already"),
    ],
)
async def test_what_cannot_be_created_says_why(machine: Machine, world, command: str, status: int, said: str) -> None:
    await world("a<Worker>")
    result = await run(machine, command)
    assert (result.status, said in result.error) == (status, True), result.error


async def test_ensure_leaves_what_is_there_as_it_is(machine: Machine, world) -> None:
    await world()
    await run(machine, "create localhost:a<Worker>{ +note=first }")
    await machine.client().ask("localhost:a", "Ext<Add>")
    assert (await run(machine, "create? localhost:a<Worker>{ +note=second }")).ok
    assert (await run(machine, "get localhost:a{ note }")).body == {"note": "first"}
    assert await machine.client().ask("localhost:a", "Ext<Get>") == 1


async def test_override_replaces_properties_and_state_at_once(machine: Machine, world) -> None:
    await world()
    await run(machine, "create localhost:a<Worker>{ +note=first }")
    await machine.client().ask("localhost:a", "Ext<Add>")
    assert (await run(machine, "create! localhost:a<Worker>{ +note=second }")).ok
    assert await machine.client().ask("localhost:a", "Ext<Get>") == 0
    assert (await run(machine, "get localhost:a{ note }")).body == {"note": "second"}


async def test_override_may_change_the_kind_of_what_has_no_children(machine: Machine, world) -> None:
    await world("a<Worker>")
    await machine.client().ask("localhost:a", "Ext<Add>")
    assert (await run(machine, "create! localhost:a<Relay>")).ok
    assert await machine.client().ask("localhost:a", "Ext<Seen>") == 0
    assert (await run(machine, "create! localhost<Base>")).status in (400, 409)


async def test_numbered_names_are_given_once_each(machine: Machine, world) -> None:
    await world("w3<Worker>")
    results = await asyncio.gather(*(run(machine, "create localhost:w%<Worker>") for _ in range(10)))
    names = [r.body["point"] for r in results]
    assert len(set(names)) == 10
    assert "localhost:w3" not in names


async def test_creating_from_a_handler_is_in_the_name_of_the_particle(machine: Machine, world) -> None:
    await world("r<Relay>")
    client = machine.client()
    # what the hyperuser owns may work on what the hyperuser owns: r may create beside itself
    assert (await client.ping("localhost:r", "Ext<Make>", {"point": "localhost:made", "kind": "Worker"})).ok
    assert (await client.ping("localhost:made", "Ext<Get>")).ok


async def test_errors_of_the_provisioner_have_their_classes(machine: Machine, world) -> None:
    await world("a<Worker>")
    caller = Caller(machine.client().agent)
    create = machine.parts.provisioner.create
    with pytest.raises(Conflict):
        await create("localhost:a", "Worker", {}, Strategy.COMMIT, caller)
    with pytest.raises(UnknownKind):
        await create("localhost:b", "Nonsense", {}, Strategy.COMMIT, caller)
    with pytest.raises(NotFound):
        await create("gone:b", "Worker", {}, Strategy.COMMIT, caller)
    with pytest.raises(BadRequest):
        await create("localhost:b", "Worker", {"what": "x"}, Strategy.COMMIT, caller)


async def test_a_name_that_is_nearly_right_is_offered(machine: Machine, world) -> None:
    await world("hits<Worker>")
    reply = await machine.client().ping("localhost:hitz", "Ext<Get>")
    assert "localhost:hits" in reply.body["hint"]
