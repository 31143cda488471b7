"""Exceptions of every sort, and Kinds that raise them wherever a plugin is called."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
import sys
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Pong, handler, hookimpl
from hyperverse_core.contracts.driver import DriverHost
from hyperverse_core.contracts.registry import PropertyValue
from hyperverse_core.errors import HyperverseError
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.kinds.kind import Kind
from patience import PATIENCE

__all__ = ["EVERY", "NAME", "NoText", "Plugin", "lives", "made"]

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


class NoText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class _ExitsForText(Exception):
    def __str__(self) -> str:
        sys.exit(3)


class _NumberForText(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]  # on purpose


class _Empty(HyperverseError):
    def __init__(self) -> None:
        pass


class _Successful(HyperverseError):
    status = 200


class _NoStatus(HyperverseError):
    status = "none"  # type: ignore[assignment]  # on purpose


class _Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]  # on purpose
        sys.exit(3)


class _WithoutName(Exception, metaclass=_Nameless):
    pass


class _WithoutClass(Exception):
    @property
    def __class__(self) -> type:  # type: ignore[override]  # on purpose
        sys.exit(3)


class _Opaque(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise KeyboardInterrupt


def _because(cause: BaseException) -> BaseException:
    error = ValueError("x")
    error.__cause__ = cause
    return error


_RAISED: dict[str, Callable[[], BaseException]] = {
    "no text": NoText,
    "exits for text": _ExitsForText,
    "number for text": _NumberForText,
    "without message": _Empty,
    "success": lambda: _Successful("all is well"),
    "no status": lambda: _NoStatus("x"),
    "message of bytes": lambda: HyperverseError(b"x"),  # type: ignore[arg-type]  # on purpose
    "exit": lambda: SystemExit(4),
    "interrupt": KeyboardInterrupt,
    "generator": GeneratorExit,
    "base": lambda: BaseException("x"),
    "cancelled": asyncio.CancelledError,
    "group": lambda: BaseExceptionGroup("two", [SystemExit(1), KeyError("x")]),
    "stop": lambda: StopIteration(3),
    "memory": MemoryError,
    "nameless": _WithoutName,
    "classless": _WithoutClass,
    "opaque": _Opaque,
    "caused": lambda: _because(_Opaque()),
    "grouped": lambda: ExceptionGroup("two", [_WithoutClass(), ValueError("x")]),
}
EVERY = pytest.mark.parametrize("what", _RAISED)


def _deep(number: int) -> int:
    return _deep(number + 1)


class _Strict:
    """A type whose values cannot be made of anything."""


@attrs.define
class _Choosy:
    value: int = attrs.field()

    @value.validator
    def _check(self, _: Any, value: int) -> None:
        raise _RAISED["exit" if value == 4 else "no text"]()


@attrs.define
class Vee(Particle):
    count: int = 0
    on: str = attrs.field(default="", metadata={"transient": True})

    async def on_stop(self, ctx: Ctx) -> None:
        if self.on:
            raise _RAISED[self.on]()

    @handler("Ext<Raise>")
    async def fail(self, ctx: Ctx, what: str, pause: bool = False) -> None:
        if pause:
            await asyncio.sleep(0.01)
        raise _RAISED[what]()

    @handler("Ext<Spawn>")
    async def spawn(self, ctx: Ctx, what: str) -> None:
        async def work() -> None:
            await asyncio.sleep(0.01)
            raise _RAISED[what]()

        ctx.spawn(work())

    @handler("Ext<Deep>")
    async def deep(self, ctx: Ctx) -> None:
        self.count += 1
        await ctx.save()
        _deep(0)

    @handler("Ext<DeepFor>")
    async def deep_for(self, ctx: Ctx) -> int:
        return (await ctx.ping("localhost:b", "Ext<Deep>")).status

    @handler("Ext<StopsBadly>")
    async def stops_badly(self, ctx: Ctx, what: str) -> None:
        self.on = what

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.count += by
        return self.count

    @handler("Ext<Choosy>")
    async def choosy(self, ctx: Ctx, one: _Choosy) -> int:
        return one.value

    @handler("Ext<Pong>")
    async def pong(self, ctx: Ctx, what: int) -> Pong:
        odd: list[dict[str, Any]] = [{"status": 7}, {"status": "x"}, {"headers": {1: "x"}}, {"headers": 5}]
        return Pong(**odd[what])

    @handler("Ext<Name>")
    async def name(self, ctx: Ctx, name: str = "", pause: bool = False, to: str = "") -> list[Any]:
        before, digits = NAME.get(), decimal.getcontext().prec
        if name:
            NAME.set(name)
            decimal.getcontext().prec = len(name)
        if pause:
            await asyncio.sleep(0.01)
        inner = (await ctx.ping(to, "Ext<Name>", {"name": "inner", "pause": pause})).body if to else None
        after = (NAME.get(), decimal.getcontext().prec)
        return [before, digits, *after, inner]


class VeeDriver(Driver):
    kind = KindDef("Vee")
    particle = Vee


class Veering(Driver):
    """Raises in each of its hooks, once its particles are named so."""

    kind = KindDef("Veering")
    particle = Vee

    async def create(self, record: Any) -> Particle:
        name = record.point.text.rpartition("-")[2]
        raise _RAISED[name.replace("_", " ")]()

    async def check(self, host: DriverHost, point: Point, kind: Kind, properties: Mapping[str, PropertyValue]) -> None:
        if "checked" in point.text:
            raise SystemExit(2)


class Plugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """Both."""
        register(VeeDriver)
        register(Veering)


async def made(machine: Machine, *names: str) -> None:
    for text in ("localhost<Space>", *(f"localhost:{name}<Vee>" for name in names or ("a",))):
        await machine.client().exec(f"create? {text}")


async def lives(machine: Machine) -> None:
    assert await machine.client().ask("localhost:a", "Ext<Add>", wait=PATIENCE) >= 1
