"""A handler that raises and a save that fails change nothing: not what others see, nor what a later save writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Outcome, Particle, handler, hookimpl, transient
from hyperverse_core.contracts.registry import Registry
from hyperverse_core.errors import BadRequest, HyperverseError, NotFound, Unavailable

_LOCKED = Unavailable("the registry is locked", retry_after=0.5)


@attrs.define
class Account(Particle):
    """Two amounts, of which the sum stays."""

    a: int = 10
    b: int = 0
    things: list[Any] = attrs.field(factory=list)
    visits: int = transient(default=0)

    @handler("Ext<Move>")
    async def move(self, ctx: Ctx, n: int, raises: str = "ValueError", save_first: bool = False) -> None:
        self.visits += 1
        self.a -= n
        self.things.append(n)
        if save_first:
            await ctx.save()
        await asyncio.sleep(0)
        raise {"ValueError": ValueError, "NotFound": NotFound, "Cancelled": asyncio.CancelledError}[raises]("half way")

    @handler("Ext<Refuse>")
    async def refuse(self, ctx: Ctx) -> None:
        self.visits += 1
        raise BadRequest("not like this")

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, n: int = 1) -> int:
        self.a += n
        await ctx.save()
        return self.a

    @handler("Ext<AddTwice>")
    async def add_twice(self, ctx: Ctx) -> int:
        self.a += 1
        await ctx.save()
        self.a += 1
        await ctx.save()
        return self.a

    @handler("Ext<Stubborn>")
    async def stubborn(self, ctx: Ctx, tries: int = 3, undo: bool = False) -> int:
        """Tries to save until it works; answers all the same."""
        self.visits += 1
        self.a += 1
        for _ in range(tries):
            try:
                await ctx.save()
                break
            except Unavailable:
                await asyncio.sleep(0.1)
        else:
            self.a -= undo
        return self.a

    @handler("Ext<Odd>")
    async def odd(self, ctx: Ctx) -> None:
        self.a += 1
        self.things.append(object())
        await ctx.save()

    @handler("Ext<See>")
    async def see(self, ctx: Ctx) -> list[int]:
        return [self.a, self.b, len(self.things), self.visits]

    @handler("Ext<Outer>")
    async def outer(self, ctx: Ctx, method: str) -> list[Any]:
        """Changes, is called back, and saves."""
        self.b += 1
        reply = await ctx.ping("localhost:echo", "Ext<Back>", {"to": ctx.point.text, "method": method})
        await ctx.save()
        return [reply.status, self.a, self.b]

    @handler("Ext<Back>")
    async def back(self, ctx: Ctx, to: str, method: str) -> None:
        (await ctx.ping(to, method)).unwrap()

    @handler("Ext<Late>")
    async def late(self, ctx: Ctx, n: int) -> None:
        ctx.spawn(self._late(ctx, n))

    async def _late(self, ctx: Ctx, n: int) -> None:
        await asyncio.sleep(1.0)
        self.a -= n
        raise ValueError("half way")

    @handler("Ext<Slow>")
    async def slow(self, ctx: Ctx, seconds: float) -> int:
        self.b += 1
        await asyncio.sleep(seconds)
        await ctx.save()
        return self.b


@attrs.define
class Crowd(Account):
    concurrent = True


@attrs.define
class Leaver(Particle):
    """Fails half way when it leaves."""

    a: int = 0

    @handler("Ext<Set>")
    async def set(self, ctx: Ctx, to: int) -> None:
        self.a = to

    @handler("Ext<Get>")
    async def get(self, ctx: Ctx) -> int:
        return self.a

    async def on_stop(self, ctx: Ctx) -> None:
        if self.a == 7:
            self.a = 70
            await ctx.save()
        self.a = 1000
        raise ValueError("half way")


class AccountDriver(Driver):
    kind = KindDef("Account")
    particle = Account


class CrowdDriver(Driver):
    kind = KindDef("Crowd")
    particle = Crowd


class LeaverDriver(Driver):
    kind = KindDef("Leaver")
    particle = Leaver
    idle_after = 1.0


class Kinds:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """All."""
        for driver in (AccountDriver, CrowdDriver, LeaverDriver):
            register(driver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Kinds(),)


class _Faults:
    """Saves that fail, of a registry."""

    def __init__(self, registry: Registry) -> None:
        self.errors: list[HyperverseError | None] = []
        self.pauses: list[float] = []
        self._save = registry.save_state
        registry.save_state = self.save_state  # type: ignore[method-assign]

    async def save_state(self, *arguments: Any, **options: Any) -> None:
        """Fails with the next error, after the next pause."""
        error = self.errors.pop(0) if self.errors else None
        await asyncio.sleep(self.pauses.pop(0) if self.pauses else 0)
        if error is not None:
            raise error
        await self._save(*arguments, **options)


@pytest.fixture
def faults(machine_registry: Registry) -> _Faults:
    return _Faults(machine_registry)


@pytest.mark.parametrize("kind", ["Account", "Crowd"])
@pytest.mark.parametrize("raises", ["ValueError", "NotFound", "Cancelled"])
async def test_what_a_handler_changed_before_it_raised_is_never_seen(
    machine: Machine, world: Any, kind: str, raises: str
) -> None:
    await world(f"v<{kind}>")
    client = machine.client()
    moves = [client.ping("localhost:v", "Ext<Move>", {"n": 3, "raises": raises}) for _ in range(3)]
    waiting = [client.ping("localhost:v", "Ext<Add>") for _ in range(3)] if kind == "Account" else []
    replies = await asyncio.gather(*moves, *waiting)
    assert [reply.outcome for reply in replies[:3]] == [Outcome.FAILED] * 3
    assert [reply.body for reply in replies[3:]] == [11, 12, 13][: len(waiting)]
    assert await client.ask("localhost:v", "Ext<See>") == [10 + len(waiting), 0, 0, 0]
    assert (await client.ask("localhost:v", "Cmd<Read>"))["a"] == 10 + len(waiting)


async def test_a_signal_that_raises_leaves_nothing_either(machine: Machine, world: Any) -> None:
    await world("v<Account>")
    client = machine.client()
    for _ in range(3):
        assert (await client.signal("localhost:v", "Ext<Move>", {"n": 3})).status == 202
    assert await client.ask("localhost:v", "Ext<Add>") == 11


async def test_what_was_saved_before_a_handler_raised_stays(machine: Machine, world: Any) -> None:
    await world("v<Account>")
    client = machine.client()
    await client.ping("localhost:v", "Ext<Move>", {"n": 3, "save_first": True})
    assert await client.ask("localhost:v", "Ext<See>") == [7, 0, 1, 1]  # and it did not begin again


async def test_a_handler_that_raises_before_it_changes_disturbs_nothing(machine: Machine, world: Any) -> None:
    await world("v<Account>")
    client = machine.client()
    await client.ask("localhost:v", "Ext<Add>")
    for _ in range(3):
        assert (await client.ping("localhost:v", "Ext<Refuse>")).status == 400
    assert await client.ask("localhost:v", "Ext<See>") == [11, 0, 0, 3]


@pytest.mark.parametrize("kind", ["Account", "Crowd"])
async def test_a_change_that_could_not_be_saved_did_not_happen(
    machine: Machine, world: Any, faults: _Faults, kind: str
) -> None:
    await world(f"v<{kind}>")
    client = machine.client()
    await client.ask("localhost:v", "Ext<Add>")
    faults.errors = [_LOCKED]
    reply = await client.ping("localhost:v", "Ext<Add>", retries=3)
    assert (reply.status, reply.outcome) == (503, Outcome.FAILED)
    assert "the change did not happen, and it is safe to repeat it" in reply.error
    assert await client.ask("localhost:v", "Ext<See>") == [11, 0, 0, 0]
    assert await client.ask("localhost:v", "Ext<Add>") == 12


async def test_the_error_says_so_when_a_part_was_saved_before(machine: Machine, world: Any, faults: _Faults) -> None:
    await world("v<Account>")
    client = machine.client()
    faults.errors = [None, _LOCKED]
    reply = await client.ping("localhost:v", "Ext<AddTwice>")
    assert reply.status == 503
    assert "safe to repeat" not in reply.error
    assert "the changes that its handler saved before are kept" in reply.error
    assert await client.ask("localhost:v", "Ext<See>") == [11, 0, 0, 0]


async def test_a_state_that_cannot_be_written_leaves_nothing(machine: Machine, world: Any) -> None:
    await world("v<Account>")
    client = machine.client()
    assert (await client.ping("localhost:v", "Ext<Odd>")).status == 500
    assert await client.ask("localhost:v", "Ext<Add>") == 11


async def test_a_handler_may_try_again_to_save(machine: Machine, world: Any, faults: _Faults) -> None:
    await world("v<Account>")
    client = machine.client()
    faults.errors = [_LOCKED, _LOCKED]
    assert await client.ask("localhost:v", "Ext<Stubborn>") == 11
    assert await client.ask("localhost:v", "Ext<See>") == [11, 0, 0, 1]


@pytest.mark.parametrize(("undo", "seen"), [(False, [10, 0, 0, 0]), (True, [10, 0, 0, 1])])
async def test_a_handler_that_hides_that_its_save_failed_changes_nothing(
    machine: Machine, world: Any, faults: _Faults, undo: bool, seen: list[int]
) -> None:
    await world("v<Account>")
    client = machine.client()
    faults.errors = [_LOCKED, _LOCKED]
    await client.ask("localhost:v", "Ext<Stubborn>", {"tries": 2, "undo": undo})
    assert await client.ask("localhost:v", "Ext<See>") == seen


async def test_a_handler_beside_cannot_save_what_another_one_could_not(
    machine: Machine, world: Any, faults: _Faults
) -> None:
    await world("v<Crowd>")
    client = machine.client()
    slow = asyncio.ensure_future(client.ping("localhost:v", "Ext<Slow>", {"seconds": 5.0}))
    await asyncio.sleep(1.0)
    faults.errors = [_LOCKED]
    assert (await client.ping("localhost:v", "Ext<Add>")).status == 503
    reply = await slow
    assert (reply.status, "safe to repeat" in reply.error) == (503, True)
    assert await client.ask("localhost:v", "Ext<See>") == [10, 0, 0, 0]


async def test_a_save_that_a_later_one_has_made_good_has_not_failed(
    machine: Machine, world: Any, faults: _Faults
) -> None:
    await world("v<Crowd>")
    client = machine.client()
    faults.errors, faults.pauses = [_LOCKED], [1.0, 2.0]
    replies = await asyncio.gather(*(client.ping("localhost:v", "Ext<Add>") for _ in range(2)))
    assert [reply.status for reply in replies] == [200, 200]
    assert await client.ask("localhost:v", "Ext<See>") == [12, 0, 0, 0]


async def test_an_inner_handler_that_only_refuses_does_not_hurt_the_outer_one(machine: Machine, world: Any) -> None:
    await world("v<Account>", "echo<Account>")
    client = machine.client()
    assert await client.ask("localhost:v", "Ext<Outer>", {"method": "Ext<Refuse>"}) == [400, 10, 1]


async def test_an_outer_handler_cannot_save_what_an_inner_one_left_half_done(machine: Machine, world: Any) -> None:
    await world("v<Account>", "echo<Account>")
    client = machine.client()
    reply = await client.ping("localhost:v", "Ext<Outer>", {"method": "Ext<Late>"})
    assert reply.status == 200 or reply.error
    await client.ping("localhost:v", "Ext<Add>", {"n": 0})
    before = await client.ask("localhost:v", "Ext<See>")
    reply = await client.ping("localhost:v", "Ext<Outer>", {"method": "Ext<Odd>"})
    assert reply.status == 409
    assert await client.ask("localhost:v", "Ext<See>") == before


async def test_background_work_that_raises_behind_a_change_leaves_nothing(machine: Machine, world: Any) -> None:
    await world("v<Account>")
    client = machine.client()
    await client.ask("localhost:v", "Ext<Late>", {"n": 4})
    await asyncio.sleep(2.0)
    assert await client.ask("localhost:v", "Ext<Add>") == 11


async def test_a_concurrent_handler_that_is_cut_off_leaves_nothing(machine: Machine, world: Any) -> None:
    await world("v<Crowd>")
    client = machine.client()
    assert (await client.ping("localhost:v", "Ext<Slow>", {"seconds": 60.0}, wait=1.0)).status == 408
    assert await client.ask("localhost:v", "Ext<Add>") == 11
    assert await client.ask("localhost:v", "Ext<See>") == [11, 0, 0, 0]


@pytest.mark.parametrize(("value", "kept"), [(5, 5), (7, 70)])
async def test_what_on_stop_left_half_done_is_not_written(machine: Machine, world: Any, value: int, kept: int) -> None:
    await world("l<Leaver>")
    client = machine.client()
    await client.ask("localhost:l", "Ext<Set>", {"to": value})
    await asyncio.sleep(3.0)
    assert await client.ask("localhost:l", "Ext<Get>") == kept
