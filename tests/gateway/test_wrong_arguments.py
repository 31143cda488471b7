"""A wrong argument costs the one call a clear error: never the connection, the calls beside it, or the client."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import enum
import itertools
import math
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hyperverse_core import Client, HyperverseError, Machine, Outcome, Point, Pong
from hyperverse_core.universe.waves.wave import Stars, Watchers
from patience import PATIENCE

pytestmark = pytest.mark.thorough

PROBE = "localhost:probe"


class _Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no text")

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    def __hash__(self) -> int:
        raise RuntimeError("not hashable")

    def __bool__(self) -> bool:
        raise RuntimeError("neither")


def _nested(depth: int, value: Any = 1) -> Any:
    for number in range(depth):
        value = {"a": value} if number % 2 else [value]
    return value


def _loop() -> list[Any]:
    itself: list[Any] = []
    itself.append(itself)
    return itself


_VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    5,
    2**40,
    2**70,
    10**400,
    0.0,
    -2.5,
    1e308,
    math.nan,
    math.inf,
    -math.inf,
    1 + 2j,
    "",
    "x",
    "\ud800",
    "\x00\n",
    "x" * 100_000,
    "Ext<Echo>",
    PROBE,
    b"",
    b"\xff",
    bytearray(b"x"),
    memoryview(b"x"),
    [],
    [1],
    [None],
    [PROBE],
    (PROBE, 5),
    {},
    {1: 2},
    {"a": 1},
    {"a": object()},
    {"a": "b"},
    {"a": "\ud800"},
    {None: None},
    {1, 2},
    range(3),
    object(),
    object,
    int,
    _Odd(),
    _Odd,
    print,
    lambda: 1,
    Point.parse(PROBE),
    [Point.parse(PROBE)],
    datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    decimal.Decimal("nan"),
    uuid.UUID(int=1),
    _loop(),
    *(_nested(depth) for depth in (63, 64, 65, 66, 500, 900, 960, 970, 980, 990, 1000, 5000)),
    Stars(kind=5),  # type: ignore[arg-type]  # on purpose
    Watchers(point="x", aspect=5),  # type: ignore[arg-type]  # on purpose
    itertools.repeat(None),
    Pong(),
]

_CALLS: dict[str, Callable[[Client, Any], Any]] = {
    "ping to": lambda c, v: c.ping(v, "Ext<Echo>", wait=2.0),
    "ping method": lambda c, v: c.ping(PROBE, v, wait=2.0),
    "ping body": lambda c, v: c.ping(PROBE, "Ext<Echo>", v, wait=2.0),
    "ping argument": lambda c, v: c.ping(PROBE, "Ext<Echo>", {"said": v}, wait=2.0),
    "ping expect": lambda c, v: c.ping(PROBE, "Ext<Echo>", {"said": 1}, expect=v, wait=2.0),
    **{
        f"ping {option}": lambda c, v, option=option: c.ping(PROBE, "Ext<Echo>", {"said": 1}, **{option: v})  # type: ignore[misc]  # bound now
        for option in ("path", "headers", "wait", "retries", "priority", "topic", "sender", "chain")
    },
    "ask body": lambda c, v: c.ask(PROBE, "Ext<Echo>", v, wait=2.0),
    "signal to": lambda c, v: c.signal(v, "Ext<Echo>"),
    "signal method": lambda c, v: c.signal(PROBE, v),
    "signal body": lambda c, v: c.signal(PROBE, "Ext<Echo>", v),
    **{
        f"signal {option}": lambda c, v, option=option: c.signal(PROBE, "Ext<Echo>", **{option: v})  # type: ignore[misc]  # bound now
        for option in ("path", "headers", "wait", "priority", "topic")
    },
    "ripple to": lambda c, v: c.ripple(v, "Ext<Echo>", wait=0.3),
    "ripple method": lambda c, v: c.ripple([PROBE], v, wait=0.3),
    "ripple body": lambda c, v: c.ripple([PROBE], "Ext<Echo>", v, wait=0.3),
    **{
        f"ripple {option}": lambda c, v, option=option: c.ripple([PROBE], "Ext<Echo>", **{"wait": 0.3, option: v})  # type: ignore[misc]  # bound now
        for option in ("count", "path", "headers", "wait", "priority", "topic")
    },
    "exec text": lambda c, v: c.exec(v),
    "exec working": lambda c, v: c.exec("list", working=v, wait=2.0),
    "exec files": lambda c, v: c.exec("list", files=v, wait=2.0),
    "exec wait": lambda c, v: c.exec("list", wait=v),
    "exec keep_going": lambda c, v: c.exec("list; list", keep_going=v, wait=2.0),
    "select": lambda c, v: _all(c.select(v)),
    "open_session": lambda c, v: c.open_session(v),
    "session exec": lambda c, v: _in_session(c, v, "text"),
    "session working": lambda c, v: _in_session(c, v, "working"),
    "session files": lambda c, v: _in_session(c, v, "files"),
    "session keep_going": lambda c, v: _in_session(c, v, "keep_going"),
    "session wait": lambda c, v: _in_session(c, v, "wait"),
}


async def _all(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


async def _in_session(client: Client, value: Any, argument: str) -> Any:
    session = await client.open_session()
    return await session.exec(**{"text": "list", "wait": 2.0, argument: value})


@pytest.mark.parametrize("call", _CALLS)
async def test_a_wrong_argument_costs_its_own_call_only(client: Client, call: str) -> None:
    connection = client._connection
    assert connection is not None
    beside = asyncio.create_task(client.ping(PROBE, "Ext<Hold>", wait=60.0))
    await asyncio.sleep(0)
    for number, value in enumerate(_VALUES):
        if number == len(_VALUES) - 2 and call not in ("ripple to", "ping to", "ping wait"):
            continue  # an endless iterator: only for what is no iterable of anything
        task = asyncio.ensure_future(_caught(_CALLS[call], client, value))
        done, _ = await asyncio.wait([task], timeout=4.0)
        assert done or "wait" in call, number
        if not done:
            task.cancel()
        elif isinstance(error := task.result(), BaseException):
            assert isinstance(error, HyperverseError | TypeError | RuntimeError), (number, error)
        assert client._connection is connection, number
        assert connection.standing, number
        assert not beside.done(), (number, beside)
        assert (await client.ping(PROBE, "Ext<Echo>", {"said": number}, wait=5.0)).body == number
    beside.cancel()
    await asyncio.gather(beside, return_exceptions=True)


async def _caught(call: Callable[[Client, Any], Any], client: Client, value: Any) -> Any:
    try:
        return await call(client, value)
    except Exception as exc:
        return exc


@pytest.mark.parametrize("argument", ["data_dir", "machine", "address", "server_key", "token", "timeout", "settings"])
async def test_wrong_arguments_of_connect_are_told(machine: Machine, data_dir: Path, argument: str) -> None:
    for value in (5, b"x", [1], object(), math.nan, -1, {1: 2}):
        if argument == "timeout" and value == 5:
            continue
        given: dict[str, Any] = {"data_dir": data_dir, "timeout": 1.0, argument: value}
        with pytest.raises(HyperverseError):
            async with Client.connect(**given):
                if isinstance(value, dict):
                    raise HyperverseError("settings of transports that nobody uses are passed over")


_ODD_REPLIES: list[Any] = [
    Pong(99_999),
    Pong(7),
    Pong("x"),  # type: ignore[arg-type]  # on purpose
    Pong(200, headers={1: 2}),  # type: ignore[dict-item]  # on purpose
    Pong(200, headers=5),  # type: ignore[arg-type]  # on purpose
    Pong(200, object()),
    Pong(200, _nested(700)),
    object(),
    _loop(),
    {1, object()},
    _nested(970),
    "\ud800",
    2**70,
]


@pytest.mark.parametrize("said", range(len(_ODD_REPLIES)))
async def test_what_a_callback_returns_costs_its_own_wave_only(client: Client, machine: Machine, said: int) -> None:
    connection = client._connection
    client.on_wave(lambda wave: _ODD_REPLIES[said])
    reply = await machine.client().ping(client.surface.point, "Ext<Ask>", wait=5.0)
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert client._connection is connection
    client.on_wave(lambda wave: 1)
    assert await machine.client().ask(client.surface.point, "Ext<Ask>") == 1


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()], ids=repr
)
async def test_what_a_callback_raises_costs_its_own_wave_only(
    client: Client, machine: Machine, error: BaseException
) -> None:
    def fail(_: Any) -> None:
        raise error

    client.on_wave(fail)
    reply = await machine.client().ping(client.surface.point, "Ext<Ask>", wait=5.0)
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    client.on_wave(lambda wave: 1)
    assert await machine.client().ask(client.surface.point, "Ext<Ask>") == 1


@pytest.mark.parametrize("callback", [5, "x", object()])
async def test_a_callback_is_a_function(client: Client, callback: Any) -> None:
    with pytest.raises(HyperverseError, match=r"callback is an? "):
        client.on_wave(callback)


async def test_a_body_that_is_changed_while_it_waits_wedges_nothing(
    client: Client, machine: Machine, events: dict[str, asyncio.Event]
) -> None:
    limit = machine.config.limits.client_waves
    held = [asyncio.create_task(client.ping(PROBE, "Ext<Run>", {"gate": "x"}, wait=60.0)) for _ in range(limit)]
    body: dict[str, Any] = {"said": 1}
    waiting = asyncio.create_task(client.ping(PROBE, "Ext<Echo>", body, wait=30.0))
    behind = asyncio.create_task(client.ping(PROBE, "Ext<Echo>", {"said": 2}, wait=30.0))
    gate = events.setdefault("x", asyncio.Event())
    await asyncio.sleep(0)  # all are sent, in this order
    assert (await client.ping(PROBE, "Ext<Echo>", {"said": 3}, wait=0.2)).status == 503  # no room for it
    body["said"] = object()
    gate.set()
    assert (await asyncio.wait_for(waiting, PATIENCE)).status == 400
    assert (await asyncio.wait_for(behind, PATIENCE)).body == 2
    assert {reply.status for reply in await asyncio.gather(*held)} == {200}


async def test_what_is_expected_and_no_type_is_told(client: Client) -> None:
    for expect in (5, "int", object()):
        with pytest.raises(HyperverseError, match="the handler ran"):
            await client.ping(PROBE, "Ext<Echo>", {"said": 1}, expect=expect)


class _Exits(str):
    """A text of a class that ends the program when its text is asked for."""

    def __str__(self) -> str:
        raise SystemExit(3)


class _Name(str, enum.Enum):  # noqa: UP042  # Python's own StrEnum has another text
    PROBE = PROBE
    ECHO = "Ext<Echo>"


async def test_a_text_of_a_class_of_its_own_is_taken_for_its_characters(machine: Machine) -> None:
    client = machine.client()
    for point, method in ((_Exits(PROBE), _Exits("Cmd<Read>")), (_Name.PROBE, "Cmd<Read>")):
        reply = await client.ping(point, method, headers={_Exits("a"): _Exits("b")}, wait=PATIENCE)
        assert reply.status == 200, reply.error
    assert (await client.ping(PROBE, _Name.ECHO, "x", wait=PATIENCE)).body == "x"
