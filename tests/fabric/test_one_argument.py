"""A handler with one argument gets a body of its type as it is, however the function has to be called."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import pytest_asyncio

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.testing.fixtures import StartMachine

Handler = Callable[..., Awaitable[int]]


def _by_name(function: Handler) -> Handler:
    """A decorator that passes arguments on by their names only."""

    @functools.wraps(function)
    async def wrapper(self: Any, ctx: Ctx, **given: Any) -> int:
        return await function(self, ctx, **given)

    return wrapper


def _with_more(function: Handler) -> Handler:
    """A decorator whose function has another third parameter than the handler."""

    @functools.wraps(function)
    async def wrapper(self: Any, ctx: Ctx, factor: int = 10, **given: Any) -> int:
        return factor * await function(self, ctx, **given)

    return wrapper


@attrs.define
class Shapes(Particle):
    """Its handlers take one number each, in many ways."""

    heard: list[Any] = attrs.field(factory=list)

    def _hear(self, value: int) -> int:
        self.heard.append(value)
        return value

    @handler("Ext<Plain>")
    async def plain(self, ctx: Ctx, number: int) -> int:
        return self._hear(number)

    @handler("Ext<Named>")
    async def named(self, ctx: Ctx, *, number: int) -> int:
        return self._hear(number)

    @handler("Ext<Optional>")
    async def optional(self, ctx: Ctx, number: int = 7) -> int:
        return self._hear(number)

    @handler("Ext<ByName>")
    @_by_name
    async def by_name(self, ctx: Ctx, number: int) -> int:
        return self._hear(number)

    @handler("Ext<WithMore>")
    @_with_more
    async def with_more(self, ctx: Ctx, number: int) -> int:
        return self._hear(number)

    @handler("Http<Get>/numbers/(?P<number>[0-9]+)")
    async def path(self, ctx: Ctx, number: int) -> int:
        return self._hear(number)

    @handler("Ext<Heard>")
    async def all_heard(self, ctx: Ctx) -> list[int]:
        return self.heard


@attrs.define
class Sender(Particle):
    """Sends Signals, one behind the other."""

    @handler("Ext<Signals>")
    async def signals(self, ctx: Ctx, method: str, bodies: list[Any]) -> list[int]:
        return [(await ctx.signal("localhost:shapes", method, body)).status for body in bodies]


class ShapesDriver(Driver):
    """Serves Shapes."""

    kind = KindDef("Shapes", doc="Takes one argument (for tests)")
    particle = Shapes


class SenderDriver(Driver):
    """Serves Sender."""

    kind = KindDef("Sender", doc="Sends in a row (for tests)")
    particle = Sender


class Plugin:
    """Brings both."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Registers the drivers."""
        register(ShapesDriver)
        register(SenderDriver)


@pytest_asyncio.fixture
async def shapes(start_machine: StartMachine) -> Machine:
    """A machine with both particles."""
    machine = await start_machine(plugins=[Plugin()])
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:shapes<Shapes>; create localhost:sender<Sender>")
    return machine


METHODS = {"Plain": 1, "Named": 1, "Optional": 1, "ByName": 1, "WithMore": 10}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("body", [5, {"number": 5}])
async def test_a_ping_brings_it(shapes: Machine, name: str, body: Any) -> None:
    for _ in range(2):  # the second time the handler is known
        assert await shapes.client().ask("localhost:shapes", f"Ext<{name}>", body) == 5 * METHODS[name]


@pytest.mark.parametrize("name", METHODS)
async def test_signals_behind_one_another_bring_it(shapes: Machine, name: str) -> None:
    client = shapes.client()
    bodies = [1, 2, {"number": 3}, 4, "five", 6, True, 8]
    for _ in range(2):
        sent = {"method": f"Ext<{name}>", "bodies": bodies}
        statuses = await client.ask("localhost:sender", "Ext<Signals>", sent)
        assert statuses == [202, 202, 202, 202, 400, 202, 400, 202]
    assert await client.ask("localhost:shapes", "Ext<Heard>") == [1, 2, 3, 4, 6, 8] * 2


@pytest.mark.parametrize("name", METHODS)
async def test_a_ripple_brings_it(shapes: Machine, name: str) -> None:
    for _ in range(2):
        (echo,) = await shapes.client().ripple("localhost:*<Shapes>", f"Ext<{name}>", 5)
        assert (echo.status, echo.body) == (200, 5 * METHODS[name])


async def test_an_argument_that_may_be_left_out_is_left_out(shapes: Machine) -> None:
    assert await shapes.client().ask("localhost:shapes", "Ext<Optional>") == 7


async def test_what_the_path_says_is_not_taken_from_the_body(shapes: Machine) -> None:
    client = shapes.client()
    assert await client.ask("localhost:shapes", "Http<Get>", path="/numbers/5") == 5
    refused = await client.ping("localhost:shapes", "Http<Get>", 6, path="/numbers/5")
    assert refused.status == 400
