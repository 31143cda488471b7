"""Signals that one particle sends in a row to another: most take the short way into its queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import attrs
import pytest_asyncio

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.testing.fixtures import StartMachine

_LIMIT = 20
_mark: ContextVar[str] = ContextVar("mark", default="")


@attrs.define
class Book(Particle):
    """Writes down what it is told."""

    told: list[Any] = attrs.field(factory=list)

    @handler("Ext<Note>")
    async def note(self, ctx: Ctx, number: int) -> None:
        self.told.append(number)
        if number < 0:  # it keeps the turn while others come
            await asyncio.sleep(1.0)

    @handler("Ext<Mark>")
    async def mark(self, ctx: Ctx, number: int) -> None:
        self.told.append(_mark.get() or number)
        _mark.set(f"left by {number}")

    @handler("Ext<Read>")
    async def read(self, ctx: Ctx) -> list[Any]:
        return self.told


class Clerk(Particle):
    """Sends Signals in a row."""

    @handler("Ext<Send>")
    async def send(self, ctx: Ctx, to: str, method: str, bodies: list[Any], urgent: int = 0) -> list[int]:
        """``urgent``: the body of one that is sent last, before all others."""
        replies = [await ctx.signal(to, method, body) for body in bodies]
        if urgent:
            replies.append(await ctx.signal(to, method, urgent, priority=0))
            replies.append(await ctx.signal(to, method, urgent + 1))
        return [reply.status for reply in replies]


class BookDriver(Driver):
    """Serves Book."""

    kind = KindDef("Book", doc="Writes down what it is told (for tests)")
    particle = Book
    waves_limit = _LIMIT


class ClerkDriver(Driver):
    """Serves Clerk."""

    kind = KindDef("Clerk", doc="Sends in a row (for tests)")
    particle = Clerk


@attrs.frozen
class Office:
    """The plugin that brings both."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Registers the drivers."""
        register(BookDriver)
        register(ClerkDriver)


@pytest_asyncio.fixture
async def office(start_machine: StartMachine) -> Machine:
    """A machine with a clerk and a book, both of which have handled something."""
    machine = await start_machine(plugins=[Office()])
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:clerk<Clerk>; create localhost:book<Book>")
    assert await client.ask("localhost:book", "Ext<Read>") == []
    return machine


async def _sent(office: Machine, method: str, bodies: list[Any], urgent: int = 0) -> list[int]:
    to = {"to": "localhost:book", "method": method, "bodies": bodies, "urgent": urgent}
    found: list[int] = await office.client().ask("localhost:clerk", "Ext<Send>", to)
    return found


async def _told(office: Machine) -> Any:
    return await office.client().ask("localhost:book", "Ext<Read>", retries=20)


async def test_they_are_handled_in_the_order_in_which_they_were_sent(office: Machine) -> None:
    numbers = list(range(_LIMIT))
    assert await _sent(office, "Ext<Note>", numbers) == [202] * len(numbers)
    assert await _told(office) == numbers


async def test_one_that_does_not_fit_is_refused_among_those_that_do(office: Machine) -> None:
    bodies: list[Any] = [1, 2, 3, "four", 5.0, True, None, {"number": 8}, 9]
    assert await _sent(office, "Ext<Note>", bodies) == [202, 202, 202, 400, 400, 400, 400, 202, 202]
    assert await _told(office) == [1, 2, 3, 8, 9]


async def test_an_urgent_one_goes_before_them_and_the_next_behind_them(office: Machine) -> None:
    assert await _sent(office, "Ext<Note>", [-1, 2, 3, 4], urgent=50) == [202] * 6
    assert await _told(office) == [-1, 50, 2, 3, 4, 51]


async def test_no_more_wait_than_the_driver_lets_wait(office: Machine) -> None:
    statuses = await _sent(office, "Ext<Note>", [-1, *range(2, _LIMIT + 10)])
    assert statuses == [202] * (_LIMIT + 1) + [503] * 8
    assert await _told(office) == [-1, *range(2, _LIMIT + 2)]


async def test_a_variable_that_the_handler_of_one_sets_is_not_seen_by_the_next(office: Machine) -> None:
    assert await _sent(office, "Ext<Mark>", [1, 2, 3, 4]) == [202] * 4
    assert await _told(office) == [1, 2, 3, 4]
