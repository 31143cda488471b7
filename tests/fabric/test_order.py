"""Waves of one sender to one particle are handled in the order of sending, whatever some of them wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Point, handler, hookimpl
from hyperverse_core.fabric.delivery.local_sender import LocalSender
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.access.grant import GrantKind
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_core.universe.selectors.selector import Selector
from hyperverse_grants.policy import GrantsPolicy

SLOW = 0.05


@attrs.define
class Diary(Particle):
    """Notes what comes, in the order of the handlers' beginnings."""

    kept: ClassVar[list[int]] = []

    @handler("Ext<Note>")
    async def note(self, ctx: Ctx, tag: int) -> None:
        self.kept.append(tag)

    @handler("Ext<Secret>", privilege="secret")
    async def secret(self, ctx: Ctx, tag: int) -> None:
        self.kept.append(tag)

    @handler("Cmd<Update>")
    async def update(self, ctx: Ctx, tag: int) -> None:
        self.kept.append(tag)


@attrs.define
class Board(Diary):
    """The same, beside one another, and slow to start."""

    concurrent = True
    started: ClassVar[list[asyncio.Event]] = []

    async def on_start(self, ctx: Ctx) -> None:
        await asyncio.sleep(SLOW)
        self.started[-1].set()


class DiaryDriver(Driver):
    kind = KindDef("Diary")
    particle = Diary


class BoardDriver(Driver):
    kind = KindDef("Board")
    particle = Board


class OrderKinds:
    @hookimpl
    def hyperverse_register_drivers(self, register) -> None:
        register(DiaryDriver)
        register(BoardDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (OrderKinds(),)


@pytest.fixture(autouse=True)
def empty() -> None:
    Diary.kept.clear()


@pytest.fixture
def slow_policy(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every other question takes the policy long."""
    asked: list[str] = []
    decide = GrantsPolicy.decide

    async def slowly(self, request):
        asked.append(request.action)
        await asyncio.sleep(SLOW if len(asked) % 2 else SLOW / 25)
        return await decide(self, request)

    monkeypatch.setattr(GrantsPolicy, "decide", slowly)
    return asked


def numbers(count: int) -> list[int]:
    return list(range(count))


async def access_changes(machine: Machine) -> None:
    """Something happens that every answer about ``localhost:d`` rests on."""
    what, on, to = GrantKind.parse("perm +csd-rwx"), Selector.parse("localhost:d"), Selector.parse("localhost:x")
    await machine.registry.grant(AccessGrant(what, on, to, HYPERUSER))


async def test_waves_are_not_overtaken_when_access_changes_while_they_wait(
    machine: Machine, world, slow_policy: list[str]
) -> None:
    await world("d<Diary>", "program<Diary>")
    client = machine.client(agent="localhost:program")  # both belong to the hyperuser, so it may
    sends = []
    for tag in numbers(100):
        sends.append(asyncio.ensure_future(client.ping("localhost:d", "Ext<Note>", {"tag": tag})))
        await asyncio.sleep(SLOW / 20)
        if tag % 10 == 5:
            await access_changes(machine)
    for send in sends:
        (await send).unwrap()
    assert Diary.kept == numbers(100)
    assert len(slow_policy) > 5


async def test_a_wave_that_needs_another_permission_is_not_overtaken(
    machine: Machine, world, slow_policy: list[str]
) -> None:
    await world("d<Diary>")
    client = machine.client()
    methods = ["Ext<Note>", "Ext<Note>", "Cmd<Update>", "Ext<Note>", "Ext<Secret>", "Ext<Note>"]
    pings = [client.ping("localhost:d", method, {"tag": tag}) for tag, method in enumerate(methods)]
    for reply in await asyncio.gather(*pings):
        reply.unwrap()
    assert Diary.kept == numbers(len(methods))


async def test_a_signal_is_not_overtaken_by_a_later_ping(machine: Machine, world, slow_policy: list[str]) -> None:
    await world("d<Diary>")
    client = machine.client()
    (await client.ping("localhost:d", "Ext<Note>", {"tag": 0})).unwrap()
    signal = asyncio.ensure_future(client.signal("localhost:d", "Cmd<Update>", {"tag": 1}))
    await asyncio.sleep(0)
    (await client.ping("localhost:d", "Ext<Note>", {"tag": 2})).unwrap()
    await signal
    assert Diary.kept == numbers(3)


async def test_one_that_gives_up_or_is_refused_does_not_let_the_others_pass(
    machine: Machine, world, slow_policy: list[str]
) -> None:
    await world("d<Diary>")
    client = machine.client()
    (await client.ping("localhost:d", "Ext<Note>", {"tag": 0})).unwrap()
    first = asyncio.ensure_future(client.ping("localhost:d", "Ext<Secret>", {"tag": 1}))
    await asyncio.sleep(0)
    hasty = asyncio.ensure_future(client.ping("localhost:d", "Ext<Note>", {"tag": 99}, wait=SLOW / 50))
    cancelled = asyncio.ensure_future(client.ping("localhost:d", "Ext<Note>", {"tag": 98}))
    last = asyncio.ensure_future(client.ping("localhost:d", "Ext<Note>", {"tag": 2}))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert (await hasty).status == 408
    assert [reply.status for reply in await asyncio.gather(first, last)] == [200, 200]
    assert Diary.kept == numbers(3)


async def test_another_sender_does_not_wait_behind_them(machine: Machine, world, slow_policy: list[str]) -> None:
    await world("d<Diary>")
    client = machine.client()
    other = LocalSender(machine.parts.outbound, sender=Point.parse("localhost:other"), agent=HYPERUSER)
    await client.ping("localhost:d", "Cmd<Read>")  # every other question is a slow one
    (await other.ping("localhost:d", "Ext<Note>", {"tag": 0})).unwrap()
    asks = asyncio.ensure_future(client.ping("localhost:d", "Ext<Secret>", {"tag": 2}))
    await asyncio.sleep(0)
    (await other.ping("localhost:d", "Ext<Note>", {"tag": 1})).unwrap()
    (await asks).unwrap()
    assert Diary.kept == numbers(3)


async def test_the_first_waves_of_a_concurrent_particle_begin_in_order(machine: Machine, world) -> None:
    await world("b<Board>")
    client, started = machine.client(), asyncio.Event()
    Board.started.append(started)

    def send(tag: int) -> asyncio.Task[object]:
        return asyncio.ensure_future(client.ping("localhost:b", "Ext<Note>", {"tag": tag}))

    sends = [send(tag) for tag in range(100)]
    await started.wait()
    for tag in range(100, 200):  # they come while those that have waited for the start are let in
        sends.append(send(tag))
        await asyncio.sleep(0)
    await asyncio.gather(*sends)
    assert Diary.kept == numbers(200)
