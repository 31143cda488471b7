"""Stops that are marked ``(caller)``: the rights of the caller, and of them only what the owner of the particle with
the bind has too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_asyncio

from hyperverse_core import Machine, Point, Pong
from hyperverse_core.fabric.delivery.local_sender import LocalSender
from hyperverse_core.universe.access.scope import Scope
from hyperverse_core.universe.address.point import HYPERUSER

USERS = {"author": "hyperspace:users:author", "caller": "hyperspace:users:caller"}


class Bench:
    """A victim, a particle with a bind that belongs to ``author``, and what each of them may do."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.client = machine.client()

    async def bind(self, routes: str) -> None:
        await self.client.exec(f"set localhost:desk{{ +bind='Bind(version=1.0.0) {{ {routes} }}' }}")

    async def grant(self, who: str, what: str, on: str = "localhost:victim") -> None:
        await self.client.exec(f"grant {what} on {on} to {USERS[who]}")

    async def ask(self, method: str = "Ext<X>", scope: Scope | None = None) -> Pong:
        agent = Point.parse(USERS["caller"])
        sender = LocalSender(self.machine.parts.outbound, sender=agent, agent=agent, scope=scope)
        return await sender.ping("localhost:desk", method)


@pytest_asyncio.fixture
async def bench(machine: Machine, world: Callable) -> Bench:
    await world("victim<Taker>", "worker<Worker>", "desk<Taker>")
    bench = Bench(machine)
    await bench.client.exec("create hyperspace<Space>; create hyperspace:users<UserBase<OAuth>>")
    for point in USERS.values():
        await bench.client.exec(f"create {point}<User>")
    await bench.client.exec(f"chown localhost:desk to {USERS['author']}")
    await bench.grant("caller", "perm +csd-rwX", "localhost:desk")
    await bench.bind("Route<Ext<*>> -> (caller) localhost:victim => &;")
    return bench


@pytest.mark.parametrize(("author", "caller", "status"), [(0, 0, 404), (0, 1, 403), (1, 0, 404), (1, 1, 200)])
async def test_both_the_caller_and_the_owner_have_to_be_allowed(
    bench: Bench, author: int, caller: int, status: int
) -> None:
    for who, allowed in (("author", author), ("caller", caller)):
        if allowed:
            await bench.grant(who, "perm +csd-rwX")
    reply = await bench.ask()
    assert reply.status == status, reply.body
    taken = await bench.client.ask("localhost:victim", "Ext<Taken>")
    assert taken == (["Ext<X>/"] if status == 200 else [])
    if status == 200:
        assert reply.body["agent"] == USERS["caller"]
    if status == 403:
        assert "its owner may also do that" in reply.error
        assert f"hyperverse explain {USERS['author']} on localhost:victim Ext<X>" in reply.body["hint"]


async def test_what_is_taken_from_the_owner_is_taken_from_the_bind(bench: Bench) -> None:
    await bench.grant("author", "perm +csd-rwX")
    await bench.grant("caller", "perm +csd-rwX")
    assert (await bench.ask()).ok
    (row,) = (await bench.client.exec("grants to hyperspace:users:author"))[0].body
    await bench.client.exec(f"revoke {row['id']}")
    assert (await bench.ask()).status == 403


async def test_the_bind_of_the_hyperuser_bounds_nothing(bench: Bench) -> None:
    await bench.client.exec(f"chown localhost:desk to {HYPERUSER}")
    assert (await bench.ask()).status == 404
    await bench.grant("caller", "perm +csd-rwX")
    assert (await bench.ask()).body["agent"] == USERS["caller"]


async def test_a_privilege_of_the_caller_alone_opens_nothing(bench: Bench) -> None:
    """Which privileges the owner has is not asked; on a particle of its own it has all of them."""
    await bench.bind("Route<Ext<*>> -> (caller) localhost:worker^Ext<Owner> => &;")
    for who in USERS:
        await bench.grant(who, "perm +csd-rwX", "localhost:worker")
    await bench.grant("caller", "priv press-red-button", "localhost:worker")
    direct = bench.machine.client(agent=USERS["caller"])
    assert (await direct.ping("localhost:worker", "Ext<Owner>")).ok
    assert (await bench.ask()).status == 403
    await bench.client.exec(f"chown localhost:worker to {USERS['author']}")
    assert (await bench.ask()).ok


async def test_the_mark_adds_nothing_to_a_caller_with_a_scope(bench: Bench) -> None:
    for who in USERS:
        await bench.grant(who, "perm +csd-rwX")
    desk = "perm +csd-rwX on localhost:desk"
    assert (await bench.ask(scope=Scope.parse(f"{{{desk}}}"))).status in (403, 404)
    both = Scope.parse(f"{{{desk}, perm +csd-rwX on localhost:victim}}")
    assert (await bench.ask(scope=both)).ok
    assert await bench.client.ask("localhost:victim", "Ext<Taken>") == ["Ext<X>/"]


async def test_a_bounce_goes_on_as_the_particle_even_at_a_marked_stop(bench: Bench) -> None:
    await bench.bind("Route<Cmd<Read>> -> (caller) localhost:victim => &; Route<Ext<X>> -> (()) => &;")
    await bench.grant("caller", "perm +csd-Rwx")
    await bench.grant("caller", "perm +csd-RwX", "localhost:desk")
    assert (await bench.ask("Cmd<Read>")).status == 404  # the particle may not read it


async def test_no_mark_reaches_the_particles_of_the_platform(bench: Bench) -> None:
    await bench.bind("Route<Ext<X>> -> (caller) GLOBAL::machine^Ext<Stop> => &;")
    reply = await bench.machine.client().ping("localhost:desk", "Ext<X>")
    assert reply.status == 404, reply.body


async def test_a_stop_without_the_mark_stays_one_of_the_particle(bench: Bench) -> None:
    await bench.bind("Route<Ext<X>> -> localhost:victim => &;")
    for who in USERS:
        await bench.grant(who, "perm +csd-rwX")
    assert (await bench.ask()).status == 404
    await bench.client.exec("grant perm +csd-rwX on localhost:victim to localhost:desk")
    assert (await bench.ask()).body["agent"] == "localhost:desk"
