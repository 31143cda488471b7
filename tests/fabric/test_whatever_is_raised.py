"""Whatever a plugin raises, its caller gets an answer at once, and nothing else ends."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from fabric.raising_kinds import EVERY, NoText, Plugin, lives, made
from hyperverse_core import Machine, Outcome
from hyperverse_core.errors import described
from hyperverse_core.fabric.delivery.gate import Gate
from hyperverse_core.testing.fixtures import StartMachine
from hyperverse_core.universe.address.point import Point

pytestmark = pytest.mark.one_case_in(4)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Plugin(),)


@pytest.fixture
def machine_config(machine_config: Any) -> Any:
    return attrs.evolve(machine_config, idle_after=1.0)


# -- handlers -------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("pause", [False, True])
async def test_a_handler_may_raise_anything(machine: Machine, what: str, pause: bool) -> None:
    await made(machine)
    reply = await machine.client().ping("localhost:a", "Ext<Raise>", {"what": what, "pause": pause}, wait=5.0)
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert isinstance(reply.body["error"], str)
    await lives(machine)


@EVERY
async def test_a_handler_on_another_machine_may_raise_anything(
    start_machine: StartMachine, machine_config: Any, what: str
) -> None:
    one = await start_machine(config=attrs.evolve(machine_config, name="one"))
    other = await start_machine(config=attrs.evolve(machine_config, name="other"))
    await asyncio.sleep(1.0)
    await made(one)
    await lives(one)
    reply = await other.client().ping("localhost:a", "Ext<Raise>", {"what": what}, wait=5.0)
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert (reply.remote, (await one.client().ping("localhost:a", "Ext<Add>")).remote) in [(True, False), (False, True)]
    await lives(other)


@EVERY
async def test_the_echoes_of_others_come_whatever_one_raises(machine: Machine, what: str) -> None:
    await made(machine, "a", "b")
    points = [Point.parse("localhost:a"), Point.parse("localhost:b")]
    echoes = await machine.client().ripple(points, "Ext<Raise>", {"what": what}, wait=5.0)
    assert [echo.status for echo in echoes] == [500, 500]
    await lives(machine)


@EVERY
async def test_a_signal_and_spawned_work_may_raise_anything(
    machine: Machine, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    await made(machine)
    for method in ("Ext<Raise>", "Ext<Spawn>"):
        assert (await machine.client().signal("localhost:a", method, {"what": what})).ok
        await asyncio.sleep(0.1)
        await lives(machine)
    assert "a background task failed" in caplog.text or what == "cancelled"


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


@EVERY
@pytest.mark.parametrize("bad", [_closed, _Asks], ids=["closed", "asks"])
async def test_a_handler_of_the_programs_own_log_that_fails_costs_its_line_only(
    machine: Machine, what: str, bad: Callable[[], logging.Handler], caplog: pytest.LogCaptureFixture
) -> None:
    handler = bad()
    logging.getLogger("hyperverse").addHandler(handler)  # is asked before that of caplog, which is the root's
    try:
        await made(machine)
        reply = await machine.client().ping("localhost:a", "Ext<Raise>", {"what": what}, wait=5.0)
        assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
        assert "fail failed" in caplog.text or what == "without message"  # an error of ours is an answer
        assert (await machine.client().signal("localhost:a", "Ext<Spawn>", {"what": what})).ok
        await lives(machine)
        await asyncio.sleep(0.1)
        assert "a background task failed" in caplog.text or what == "cancelled"
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
    await made(machine)
    reply = await machine.client().ping("localhost:a", "Ext<Pong>", {"what": what})
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert "returned a Pong" in reply.error


def test_a_text_that_cannot_be_sent_is_described() -> None:
    assert described(ValueError("\ud800!")) == "ValueError: \\ud800!"


# -- recursion ------------------------------------------------------------------------------------------------


async def test_a_handler_that_calls_itself_without_end_has_failed(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    await made(machine, "a", "b")
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
    await made(machine)
    reply = await machine.client().ping("localhost:a", "Ext<Add>", body, wait=5.0)
    assert (reply.status, reply.outcome) == (400, Outcome.REJECTED)
    assert await machine.client().ask("localhost:a", "Ext<Add>") == 1


@pytest.mark.parametrize(("value", "status"), [(1, 400), (4, 500)])
async def test_types_of_arguments_may_raise_anything(machine: Machine, value: int, status: int) -> None:
    await made(machine)
    reply = await machine.client().ping("localhost:a", "Ext<Choosy>", {"one": {"value": value}}, wait=5.0)
    assert reply.status == status
    await lives(machine)


# -- drivers, policies, observers -----------------------------------------------------------------------------


@EVERY
async def test_on_stop_may_raise_anything(machine: Machine, what: str) -> None:
    await made(machine)
    await machine.client().ask("localhost:a", "Ext<StopsBadly>", {"what": what})
    await asyncio.sleep(3.0)
    assert (await machine.registry.record(Point.parse("localhost:a"))).assignment is None
    await lives(machine)


@EVERY
async def test_create_may_raise_anything(machine: Machine, what: str) -> None:
    await made(machine)
    point = f"localhost:v-{what.replace(' ', '-')}"
    await machine.client().exec(f"create {point}<Veering>")
    reply = await machine.client().ping(point, "Ext<Add>", wait=5.0)
    assert 400 <= reply.status < 600
    assert reply.status != 408
    await lives(machine)


async def test_check_may_exit(machine: Machine) -> None:
    await made(machine)
    result = (await machine.client().exec("create localhost:checked<Veering>", check=False))[0]
    assert result.status == 500
    assert "Veering" in result.error
    assert "SystemExit" in result.error
    await lives(machine)


# -- bugs of ours ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyError("ours"), NoText(), SystemExit(1), asyncio.CancelledError()], ids=repr)
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
    await made(one)
    await lives(one)

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
        await lives(machine)
