"""Whatever a plugin raises, its caller gets an answer at once, and nothing else ends."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
import io
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Outcome, Particle, Pong, handler, hookimpl
from hyperverse_core.contracts.driver import DriverHost
from hyperverse_core.contracts.registry import PropertyValue
from hyperverse_core.errors import HyperverseError, described
from hyperverse_core.fabric.delivery.gate import Gate
from hyperverse_core.testing.fixtures import StartMachine
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.kinds.kind import Kind
from patience import PATIENCE

pytestmark = pytest.mark.one_case_in(4)

_NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


class _NoText(Exception):
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
    "no text": _NoText,
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
_every = pytest.mark.parametrize("what", _RAISED)


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
        before, digits = _NAME.get(), decimal.getcontext().prec
        if name:
            _NAME.set(name)
            decimal.getcontext().prec = len(name)
        if pause:
            await asyncio.sleep(0.01)
        inner = (await ctx.ping(to, "Ext<Name>", {"name": "inner", "pause": pause})).body if to else None
        after = (_NAME.get(), decimal.getcontext().prec)
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


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Plugin(),)


@pytest.fixture
def machine_config(machine_config: Any) -> Any:
    return attrs.evolve(machine_config, idle_after=1.0)


async def _made(machine: Machine, *names: str) -> None:
    for text in ("localhost<Space>", *(f"localhost:{name}<Vee>" for name in names or ("a",))):
        await machine.client().exec(f"create? {text}")


async def _lives(machine: Machine) -> None:
    assert await machine.client().ask("localhost:a", "Ext<Add>", wait=PATIENCE) >= 1


# -- handlers -------------------------------------------------------------------------------------------------


@_every
@pytest.mark.parametrize("pause", [False, True])
async def test_a_handler_may_raise_anything(machine: Machine, what: str, pause: bool) -> None:
    await _made(machine)
    reply = await machine.client().ping("localhost:a", "Ext<Raise>", {"what": what, "pause": pause}, wait=5.0)
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert isinstance(reply.body["error"], str)
    await _lives(machine)


@_every
async def test_a_handler_on_another_machine_may_raise_anything(
    start_machine: StartMachine, machine_config: Any, what: str
) -> None:
    one = await start_machine(config=attrs.evolve(machine_config, name="one"))
    other = await start_machine(config=attrs.evolve(machine_config, name="other"))
    await asyncio.sleep(1.0)
    await _made(one)
    await _lives(one)
    reply = await other.client().ping("localhost:a", "Ext<Raise>", {"what": what}, wait=5.0)
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert (reply.remote, (await one.client().ping("localhost:a", "Ext<Add>")).remote) in [(True, False), (False, True)]
    await _lives(other)


@_every
async def test_the_echoes_of_others_come_whatever_one_raises(machine: Machine, what: str) -> None:
    await _made(machine, "a", "b")
    points = [Point.parse("localhost:a"), Point.parse("localhost:b")]
    echoes = await machine.client().ripple(points, "Ext<Raise>", {"what": what}, wait=5.0)
    assert [echo.status for echo in echoes] == [500, 500]
    await _lives(machine)


@_every
async def test_a_signal_and_spawned_work_may_raise_anything(
    machine: Machine, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    await _made(machine)
    for method in ("Ext<Raise>", "Ext<Spawn>"):
        assert (await machine.client().signal("localhost:a", method, {"what": what})).ok
        await asyncio.sleep(0.1)
        await _lives(machine)
    assert "work of its own failed" in caplog.text or what == "cancelled"


class _Exits(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        sys.exit(3)


class _Asks(logging.Handler):
    """Shows what is being handled, as a service for faults would."""

    def emit(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            str(error), error.__class__, type(error).__name__
        raise ValueError("no connection")


def _closed() -> logging.Handler:
    stream = io.StringIO()
    stream.close()
    return logging.StreamHandler(stream)


@_every
@pytest.mark.parametrize("bad", [_closed, _Asks], ids=["closed", "asks"])
async def test_a_handler_of_the_programs_own_log_that_fails_costs_its_line_only(
    machine: Machine, what: str, bad: Callable[[], logging.Handler], caplog: pytest.LogCaptureFixture
) -> None:
    handler = bad()
    logging.getLogger("hyperverse").addHandler(handler)  # is asked before that of caplog, which is the root's
    try:
        await _made(machine)
        reply = await machine.client().ping("localhost:a", "Ext<Raise>", {"what": what}, wait=5.0)
        assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
        assert "fail failed" in caplog.text or what == "without message"  # an error of ours is an answer
        assert (await machine.client().signal("localhost:a", "Ext<Spawn>", {"what": what})).ok
        await _lives(machine)
        await asyncio.sleep(0.1)
        assert "work of its own failed" in caplog.text or what == "cancelled"
    finally:
        logging.getLogger("hyperverse").removeHandler(handler)


async def test_an_exit_from_a_line_of_the_log_that_shows_nothing_of_a_plugin_is_an_exit(machine: Machine) -> None:
    log, handler = logging.getLogger("hyperverse.particle"), _Exits()
    log.addHandler(handler)
    try:
        with pytest.raises(SystemExit):
            log.error("all is well")
    finally:
        log.removeHandler(handler)


@pytest.mark.parametrize("what", range(4))
async def test_a_pong_that_cannot_be_sent_is_a_failure_of_the_handler(machine: Machine, what: int) -> None:
    await _made(machine)
    reply = await machine.client().ping("localhost:a", "Ext<Pong>", {"what": what})
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert "returned a Pong" in reply.error


def test_a_text_that_cannot_be_sent_is_described() -> None:
    assert described(ValueError("\ud800!")) == "ValueError: \\ud800!"


# -- recursion ------------------------------------------------------------------------------------------------


async def test_a_handler_that_calls_itself_without_end_has_failed(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    await _made(machine, "a", "b")
    reply = await machine.client().ping("localhost:a", "Ext<Deep>")
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert "RecursionError" in reply.error
    assert "RecursionError" in caplog.text
    assert await machine.client().ask("localhost:a", "Ext<DeepFor>") == 500  # one wave in another is no loop


# -- bodies ---------------------------------------------------------------------------------------------------


def _nested(depth: int) -> Any:
    body: Any = 1
    for _ in range(depth):
        body = [body]
    return body


@pytest.mark.parametrize(
    "body",
    [{1: 2}, {None: 1}, {b"by": 1}, {1.5: 1, "by": 2}, {True: 1}, [1, 2], "x", b"x", 1.5, {"by": {1: 2}}, _nested(60)],
    ids=str,
)
async def test_a_body_that_does_not_fit_is_refused_at_once(machine: Machine, body: Any) -> None:
    await _made(machine)
    reply = await machine.client().ping("localhost:a", "Ext<Add>", body, wait=5.0)
    assert (reply.status, reply.outcome) == (400, Outcome.REJECTED)
    assert await machine.client().ask("localhost:a", "Ext<Add>") == 1


@pytest.mark.parametrize(("value", "status"), [(1, 400), (4, 500)])
async def test_types_of_arguments_may_raise_anything(machine: Machine, value: int, status: int) -> None:
    await _made(machine)
    reply = await machine.client().ping("localhost:a", "Ext<Choosy>", {"one": {"value": value}}, wait=5.0)
    assert reply.status == status
    await _lives(machine)


# -- drivers, policies, observers -----------------------------------------------------------------------------


@_every
async def test_on_stop_may_raise_anything(machine: Machine, what: str) -> None:
    await _made(machine)
    await machine.client().ask("localhost:a", "Ext<StopsBadly>", {"what": what})
    await asyncio.sleep(3.0)
    assert (await machine.registry.record(Point.parse("localhost:a"))).assignment is None
    await _lives(machine)


@_every
async def test_create_may_raise_anything(machine: Machine, what: str) -> None:
    await _made(machine)
    point = f"localhost:v-{what.replace(' ', '-')}"
    await machine.client().exec(f"create {point}<Veering>")
    reply = await machine.client().ping(point, "Ext<Add>", wait=5.0)
    assert 400 <= reply.status < 600
    assert reply.status != 408
    await _lives(machine)


async def test_check_may_exit(machine: Machine) -> None:
    await _made(machine)
    result = (await machine.client().exec("create localhost:checked<Veering>", check=False))[0]
    assert result.status == 500
    assert "Veering" in result.error
    assert "SystemExit" in result.error
    await _lives(machine)


# -- bugs of ours ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyError("ours"), _NoText(), SystemExit(1), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize("retries", [0, 2])
async def test_a_bug_of_ours_is_an_answer_with_the_id_of_the_wave(
    start_machine: StartMachine,
    machine_config: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
    retries: int,
) -> None:
    one = await start_machine(config=attrs.evolve(machine_config, name="one"))
    other = await start_machine(config=attrs.evolve(machine_config, name="other"))
    await asyncio.sleep(1.0)
    await _made(one)
    await _lives(one)

    async def broken(*_: Any) -> None:
        raise error

    for machine in (one, other):
        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
            patch.setattr(Gate, "demand", broken)
            patch.setattr(Gate, "begin", broken)
            patch.setattr(Gate, "authorise", broken)
            client = machine.client("localhost:someone")
            reply = await client.ping("localhost:a", "Ext<Add>", wait=5.0, retries=retries)
            assert (reply.status, reply.outcome) == (500, Outcome.UNKNOWN)
            assert reply.id in reply.error
            assert "report" in reply.body["hint"]
            assert reply.id in caplog.text
            (echo,) = await client.ripple([Point.parse("localhost:a")], "Ext<Add>", wait=5.0)
            assert echo.status == 500
            signalled = await client.signal("localhost:a", "Ext<Add>")
            assert signalled.status == (404 if reply.remote else 500)  # elsewhere: hidden from a stranger
        await _lives(machine)


# -- contexts -------------------------------------------------------------------------------------------------

_FRESH = ["nobody", 28, "nobody", 28, None]


@pytest.mark.parametrize("pause", [False, True])
async def test_what_a_handler_sets_in_a_context_variable_is_its_own(machine: Machine, pause: bool) -> None:
    await _made(machine, "a", "b")
    client = machine.client()
    _NAME.set("test")
    decimal.setcontext(decimal.Context(prec=7))  # of this test alone
    said = await client.ask("localhost:a", "Ext<Name>", {"name": "outer", "pause": pause, "to": "localhost:b"})
    assert said == ["nobody", 28, "outer", 5, ["nobody", 28, "inner", 5, None]]
    assert (_NAME.get(), decimal.getcontext().prec) == ("test", 7)
    for name in "ab":
        assert await client.ask(f"localhost:{name}", "Ext<Name>", {"pause": pause}) == _FRESH
        for _ in range(3):
            await client.signal(f"localhost:{name}", "Ext<Name>", {"name": "signal"})
    echoes = await client.ripple([Point.parse("localhost:a"), Point.parse("localhost:b")], "Ext<Name>")
    assert [echo.body for echo in echoes] == [_FRESH, _FRESH]


async def test_a_handler_that_is_cut_off_ends_in_its_own_context(machine: Machine) -> None:
    await _made(machine, "a", "b")
    client = machine.client()
    body = {"name": "outer", "pause": True}
    reply = await client.ping("localhost:a", "Ext<Name>", body, wait=0.005)
    assert reply.status == 408
    assert await client.ask("localhost:a", "Ext<Name>") == _FRESH
