"""The memory for repeats on another machine answers whoever asked first and is still allowed, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from cluster.worlds import InProcess
from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Point, Pong, handler, hookimpl
from hyperverse_core.contracts.policy import Credentials
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.testing import ManualClock
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_core.universe.waves.wave import Ping

SCOTT = Point.parse("localhost:users:scott")


class Lists:
    """The plugin of the Kind List."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """List."""

        @attrs.define
        class List(Particle):
            items: list[str] = attrs.field(factory=list)

            @handler("Ext<Append>")
            async def append(self, ctx: Ctx, item: str) -> int:
                """Adds one."""
                self.items.append(item)
                return len(self.items)

            @handler("Ext<Items>")
            async def all_items(self, ctx: Ctx) -> list[str]:
                """All of them."""
                return self.items

        class ListDriver(Driver):
            kind = KindDef("List", doc="a list")
            particle = List

        register(ListDriver)


@pytest.fixture
async def two(inside: InProcess) -> tuple[Machine, str]:
    """A machine of two, and a List that lives on the other; Scott has a token and no rights."""
    inside.plugins = (Lists(),)
    first, _ = await inside.start("first"), await inside.start("second")
    await asyncio.sleep(1.0)
    client = first.client()
    await client.exec(f"create localhost<Space>; create localhost:users<UserBase<Keycloak>>; create {SCOTT}<User>")
    await first.registry.add_token(TokenRecord(token_digest("scotts"), SCOTT))
    await first.registry.add_token(TokenRecord(token_digest("hypers"), HYPERUSER))
    for number in range(12):
        await client.exec(f"create localhost:list{number}<List>")
        if (await client.ping(f"localhost:list{number}", "Ext<Append>", {"item": "secret"})).remote:
            return first, f"localhost:list{number}"
    raise AssertionError("none lives on the other machine")


async def ask(machine: Machine, token: str, wave_id: str, to: str, method: str, body: Any = None) -> Pong:
    """What a client with the token is answered, whose frame names the id."""
    session = await machine.parts.sessions.open(Credentials(token))
    wave = session.origin.wave(Ping, to, method, body, {"retries": 1, "wait": 5.0}, wave_id=wave_id)
    try:
        return await session.ask(wave)
    finally:
        session.end("it has its answer")


async def grant(machine: Machine, clock: ManualClock, text: str) -> int:
    made = await machine.registry.grant(AccessGrant.parse(f"{text} by {HYPERUSER}"))
    await clock.advance(1)
    return made.id


async def test_who_knows_the_id_of_another_gets_no_answer_of_hers(two: tuple[Machine, str]) -> None:
    machine, far = two
    assert (await ask(machine, "hypers", "c-1", far, "Ext<Items>")).body == ["secret"]
    assert (await ask(machine, "scotts", "c-1", far, "Ext<Items>")).status == 404
    assert (await ask(machine, "hypers", "c-1", far, "Ext<Items>")).body == ["secret"]  # she comes back


async def test_who_uses_the_id_of_another_first_does_not_swallow_her_wave(
    two: tuple[Machine, str], clock: ManualClock
) -> None:
    machine, far = two
    await grant(machine, clock, f"perm +csd-rwX on {far} to {SCOTT}")
    assert (await ask(machine, "scotts", "c-2", far, "Ext<Items>")).body == ["secret"]
    assert (await ask(machine, "hypers", "c-2", far, "Ext<Append>", {"item": "order"})).body == 2
    assert (await ask(machine, "hypers", "c-3", far, "Ext<Items>")).body == ["secret", "order"]


@pytest.mark.parametrize(
    ("method", "body"), [("Ext<Items>", None), ("Ext<Append>", {"item": "b"}), ("Ext<Append>", {"item": "a", "x": 1})]
)
async def test_a_repeat_that_differs_is_a_conflict(two: tuple[Machine, str], method: str, body: Any) -> None:
    machine, far = two
    assert (await ask(machine, "hypers", "c-4", far, "Ext<Append>", {"item": "a"})).body == 2
    assert (await ask(machine, "hypers", "c-4", far, method, body)).status == 409
    assert (await ask(machine, "hypers", "c-4", far, "Ext<Append>", {"item": "a"})).body == 2


async def test_who_is_not_allowed_any_more_gets_no_answer_a_second_time(
    two: tuple[Machine, str], clock: ManualClock
) -> None:
    machine, far = two
    number = await grant(machine, clock, f"perm +csd-rwX on {far} to {SCOTT}")
    assert (await ask(machine, "scotts", "c-5", far, "Ext<Items>")).body == ["secret"]
    assert (await ask(machine, "scotts", "c-5", far, "Ext<Items>")).body == ["secret"]
    await machine.registry.revoke(number)
    await clock.advance(1)
    assert (await ask(machine, "scotts", "c-5", far, "Ext<Items>")).status == 404


def test_an_id_that_was_seen_tells_no_other() -> None:
    from hyperverse_core.universe.waves.origin import Origin, UnguessableIds

    origin = Origin(Point.parse("a"), Point.parse("a"), "", UnguessableIds("c-"), lambda: 0.0)
    drawn = [origin.wave(Ping, "a", "Ext<Add>", None, {}).id for _ in range(1000)]
    assert len(set(drawn)) == 1000
    assert all(len(each) == 26 and each.startswith("c-") for each in drawn)
    assert len({each[:10] for each in drawn}) > 990  # they share no beginning
