"""Scenarios on two machines and more.

Those on machines that die are in test_scenarios_as_processes.py, those about ways in test_ways.py.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import attrs
import pytest

from cluster.simulated_services import RemoteRegistry, new_registry_class
from cluster.worlds import InProcess
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.client.api import ClientApi
from hyperverse_core.config import StarTemplate
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.waves.wave import Stars

_SPLIT = (
    StarTemplate("nexus", "Nexus", 0, (), "a"),
    StarTemplate("home", "Super", 0, ("nexus",), "a"),
    StarTemplate("far", "Maelstrom", 0, ("nexus",), "b"),
)
ANN = "localhost:users:ann"


@attrs.define
class Fragile(Particle):
    """Cannot start while it is told so."""

    broken = True
    value: int = 0

    @handler("Ext<Value>")
    async def get(self, ctx: Ctx) -> int:
        """A number."""
        return self.value

    async def on_start(self, ctx: Ctx) -> None:
        """Fails."""
        if Fragile.broken:
            raise RuntimeError("it is broken")


class FragileDriver(Driver):
    kind = KindDef("Fragile", doc="Cannot start (for tests)")
    particle = Fragile


class Fragiles:
    """The plugin."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """Fragile."""
        register(FragileDriver)


async def two(world: InProcess, *commands: str) -> tuple[ClientApi, ClientApi]:
    """Clients of two machines, after some commands."""
    first, second = await world.start("first"), await world.start("second")
    await asyncio.sleep(1.0)
    for text in ("create localhost<Space>", *commands):
        await first.client().exec(text)
    return first.client(), second.client()


async def on_both(clients: tuple[ClientApi, ClientApi], count: int = 12, kind: str = "Tally") -> list[str]:
    """Particles that live on both machines."""
    points = [f"localhost:t{number}" for number in range(count)]
    for point in points:
        await clients[0].exec(f"create {point}<{kind}>", check=False)
    replies = [await clients[0].ping(point, "Ext<Value>") for point in points]
    assert {reply.remote for reply in replies} == {True, False}
    return points


async def test_two_machines_with_a_split_template_bounce_and_provision_across(inside: InProcess) -> None:
    """Two machines with a split template: bounce across, provision across."""
    a, b = await inside.start("a", _SPLIT), await inside.start("b", _SPLIT)
    await asyncio.sleep(1.0)
    for client, star, hops in ((a.client(), "far[0]", 2), (b.client(), "home[0]", 2)):
        reply = await client.ping(f"<<STAR::central:{star}>>::star", "Cmd<Bounce>")
        assert (reply.status, reply.remote) == (200, True)
        assert reply.hops >= hops
    for text in ("create localhost<Space>", "create localhost:t<Tally>"):
        await b.client().exec(text)
    assert (await b.client().ping("localhost", "Cmd<Bounce>")).star == "STAR::central:home[0]"
    reply = await a.client().ping("localhost:t", "Ext<Add>")
    assert (reply.body, reply.star, reply.remote) == (1, "STAR::central:far[0]", True)


async def test_many_first_waves_from_both_machines_bring_one_particle_to_life(inside: InProcess) -> None:
    """Concurrent first waves to one unprovisioned particle."""
    clients = await two(inside, *(f"create localhost:t{number}<Tally>" for number in range(10)))
    for number in range(10):
        pings = [client.ping(f"localhost:t{number}", "Ext<Add>") for _ in range(20) for client in clients]
        assert sorted(reply.unwrap() for reply in await asyncio.gather(*pings)) == list(range(1, 41))


async def test_ensure_and_override_mean_the_same_from_every_machine(inside: InProcess) -> None:
    """Ensure and Override semantics; Commit too."""
    one, other = await two(inside, "create localhost:t<Tally>{ +note=first }")
    assert (await one.ping("localhost:t", "Ext<Add>")).unwrap() == 1
    assert (await other.exec("create localhost:t<Tally>", check=False))[0].status == 409
    assert (await other.exec("create? localhost:t<Tally>{ +note=second }", check=False))[0].ok
    assert (await other.exec("create? localhost:t<Hashed>", check=False))[0].status == 409
    assert (await one.exec("get localhost:t{ note }"))[0].body == {"note": "first"}
    assert (await other.ping("localhost:t", "Ext<Value>")).unwrap() == 1
    assert (await other.exec("create! localhost:t<Tally>{ +note=third }"))[0].ok
    assert (await one.exec("get localhost:t{ note }"))[0].body == {"note": "third"}
    for client in (one, other, one):  # wherever the old one has lived, nobody gets an answer from it any more
        assert (await client.ping("localhost:t", "Ext<Value>")).unwrap() == 0


async def test_create_or_replace_at_once_from_both_machines_leaves_one(inside: InProcess) -> None:
    """Ensure and Override semantics, when both come at once."""
    clients = await two(inside)
    ensured = await asyncio.gather(
        *(c.exec("create? localhost:t<Tally>", check=False) for c in clients for _ in range(5))
    )
    assert all(results[0].ok for results in ensured)
    once = await asyncio.gather(*(c.exec("create localhost:u<Tally>", check=False) for c in clients for _ in range(5)))
    assert sorted(results[0].status for results in once) == [200, *[409] * 9]


async def test_a_ripple_to_a_list_keeps_the_answers_that_came_in_time(inside: InProcess) -> None:
    """Ripple to Multi with partial answers and a time-out."""
    clients = await two(inside)
    points = await on_both(clients)
    asleep = [asyncio.ensure_future(clients[0].ping(p, "Ext<Wait>", {"seconds": 5.0}, wait=9.0)) for p in points[:5]]
    await asyncio.sleep(0.5)
    recipients = [Point.parse(text) for text in (*points, "localhost:nobody")]
    echoes = await clients[1].ripple(recipients, "Ext<Value>", wait=2.0)
    late = dict.fromkeys(points[:5], (408, "unknown"))
    came = dict.fromkeys(points[5:], (200, "ok"))
    found = {echo.sender.text: (echo.status, str(echo.outcome)) for echo in echoes}
    assert found == {**late, **came, "localhost:nobody": (404, "rejected")}
    assert all(reply.ok for reply in await asyncio.gather(*asleep))


async def test_a_ripple_to_stars_keeps_the_answers_that_came_in_time(inside: InProcess) -> None:
    """Ripple to Stars with partial answers and a time-out."""
    from hyperverse_core.testing.faulty_lane import FaultyHub

    inside.hub = hub = FaultyHub(random.Random(1), notice=60.0)
    await two(inside)
    first = inside.running["first"]
    everywhere = await first.client().ripple(Stars(), "Cmd<Bounce>", wait=2.0)
    rows = {row["star"]: row["machine"] for row in await first.client().stars()}
    assert {echo.star: echo.status for echo in everywhere} == dict.fromkeys(rows, 200)
    only = await first.client().ripple(Stars("Maelstrom"), "Cmd<Bounce>", wait=2.0)
    assert {rows[echo.star] for echo in only if echo.ok} == {"first", "second"}
    hub.cut("first", "second")
    echoes = await first.client().ripple(Stars(), "Cmd<Bounce>", wait=2.0)
    points = {f"<<{star}>>::star": 200 if machine == "first" else 408 for star, machine in rows.items()}
    assert {echo.sender.text: echo.status for echo in echoes} == points


async def test_what_a_stranger_may_not_do_is_refused_by_every_machine(inside: InProcess) -> None:
    """Access denied on create, select, delete and wave."""
    commands = ("create localhost:users<UserBase<Keycloak>>", f"create {ANN}<User>")
    clients = await two(inside, *commands)
    points = await on_both(clients)
    before = {point: (await clients[0].ping(point, "Ext<Value>")).unwrap() for point in points}
    for machine in inside.running.values():
        ann = machine.client(agent=Point.parse(ANN))
        for point in points:
            for text in (f"delete {point}", f"create! {point}<Tally>", f"create {point}:x<Tally>", f"get {point}"):
                assert (await ann.exec(text, check=False))[0].status == 404, text
            reply = await ann.ping(point, "Ext<Add>")
            assert (reply.status, str(reply.outcome)) == (404, "rejected")
            assert (await ann.signal(point, "Ext<Add>")).status == 404, "wherever it lives"
            assert (await ann.ping(point, "Cmd<Bounce>")).status == 404
        assert (await ann.exec("select localhost:*", check=False))[0].body["items"] == []
        assert await ann.ripple("localhost:t+:*", "Ext<Add>") == []
    assert {point: (await clients[0].ping(point, "Ext<Value>")).unwrap() for point in points} == before


async def test_deleting_takes_everything_below_on_every_machine(inside: InProcess) -> None:
    """Delete with children."""
    clients = await two(inside, "create localhost:top<Tally>")
    points = [f"localhost:top:t{number}" for number in range(10)]
    points += [f"{point}:below" for point in points]
    for point in points:
        await clients[0].exec(f"create {point}<Tally>", check=False)
    replies = [await client.ping(point, "Ext<Add>") for point in points for client in clients]
    assert {reply.remote for reply in replies} == {True, False}
    (deleted,) = await clients[1].exec("delete localhost:top", check=False)
    assert {row["point"] for row in deleted.unwrap()["deleted"]} == {"localhost:top", *points}
    await asyncio.sleep(0.1)
    for point in ("localhost:top", *points):
        assert {(await client.ping(point, "Ext<Value>")).status for client in clients} == {404}
    live = [text for m in inside.running.values() for hosting in m.parts.homes.values() for text in hosting.active]
    assert not {"localhost:top", *points} & set(live)


async def test_a_particle_that_cannot_start_is_shown_in_panic_and_recovers(inside: InProcess) -> None:
    """Status Panic, and recovery. Of a star that crashes: test_scenarios_as_processes.py."""
    inside.plugins = (Fragiles(),)
    Fragile.broken = True
    clients = await two(inside, "create localhost:f<Fragile>")
    for client in clients:
        assert (await client.ping("localhost:f", "Ext<Value>")).status == 500
        assert [row["status"] async for row in client.select("localhost:f")] == ["Panic"]
    Fragile.broken = False
    for client in clients:
        assert (await client.ping("localhost:f", "Ext<Value>")).unwrap() == 0
        assert [row["status"] async for row in client.select("localhost:f")] == ["Ready"]


async def test_while_the_registry_cannot_be_reached_what_lives_answers_and_nothing_is_lost(inside: InProcess) -> None:
    """Registry unreachable."""
    registry: RemoteRegistry = new_registry_class()(inside.registry, random.Random(1))
    inside.registry = registry  # type: ignore[assignment]  # the same one, further away
    clients = await two(inside)
    points = await on_both(clients)
    await asyncio.sleep(1.0)  # every machine has heard of what has happened
    for point in points:
        assert all(reply.ok for reply in [await client.ping(point, "Ext<Value>") for client in clients])
    registry.failing = 1.0
    for point in points:
        for client in clients:  # its star has a lease
            reply = await client.ping(point, "Ext<Value>")
            assert reply.ok, (point, reply.error)
        refused = await clients[0].ping(point, "Ext<Add>")
        assert (refused.status, str(refused.outcome)) == (503, "failed")
    for text in ("create localhost:new<Tally>", "select localhost:*", "delete localhost:t0"):
        assert (await clients[0].exec(text, check=False))[0].status == 503
    assert (await clients[0].ping("localhost:unknown", "Ext<Value>")).status == 503
    await asyncio.sleep(30.0)  # leases have ended: whoever cannot renew does not answer any more
    assert {(await clients[0].ping(point, "Ext<Value>", wait=2.0)).status for point in points} == {503}
    registry.failing = 0.0
    await asyncio.sleep(5.0)
    for point in points:
        (await clients[1].ping(point, "Ext<Add>")).unwrap()
    assert (await clients[0].exec("create localhost:new<Tally>", check=False))[0].ok


@pytest.mark.parametrize("count", [1000])
async def test_a_thousand_waves_on_one_lane_arrive_in_order(inside: InProcess, count: int) -> None:
    """1000 waves in order on one lane; signals and pings mixed."""
    clients = await two(inside)
    points = await on_both(clients)
    far = {(await clients[0].ping(point, "Ext<Value>")).remote: point for point in points}[True]
    asked = []
    for number in range(count):
        if number % 3:
            assert (await clients[0].signal(far, "Ext<Tell>", {"what": number})).status == 202
        else:
            asked.append(asyncio.ensure_future(clients[0].ping(far, "Ext<Tell>", {"what": number})))
            await asyncio.sleep(0)  # it begins
    assert all(reply.ok for reply in await asyncio.gather(*asked))
    assert (await clients[0].ping(far, "Ext<Told>")).unwrap() == list(range(count))


async def test_a_machine_that_terminates_lets_what_is_under_way_end(inside: InProcess) -> None:
    """Orderly terminate. Of processes: test_scenarios_as_processes.py."""
    clients = await two(inside)
    points = await on_both(clients)
    under_way = [asyncio.ensure_future(clients[0].ping(p, "Ext<Wait>", {"seconds": 1.0}, wait=9.0)) for p in points]
    told = [await clients[0].signal(point, "Ext<Tell>", {"what": point}) for point in points]
    await asyncio.sleep(0.1)
    await inside.running["second"].stop()
    assert {reply.status for reply in told} == {202}
    assert all(reply.ok for reply in await asyncio.gather(*under_way))
    for point in points:
        assert (await clients[0].ping(point, "Ext<Told>")).unwrap() == [point]
