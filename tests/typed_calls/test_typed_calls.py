"""Typed calls at work: from a client outside and inside, and from a handler."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs
import pytest

from hyperverse_core import Client, Config, Ctx, Driver, KindDef, Machine, Particle, Point, Pong, handler, hookimpl
from hyperverse_core.client.api import ClientApi
from hyperverse_core.errors import BadRequest, Conflict, NotFound, ProtocolError
from patience import LEASE
from typed_calls.test_type_checkers import mypy


@attrs.frozen
class Price:
    amount: int
    currency: str = "EUR"


@attrs.define
class Shelf(Particle):
    """Keeps prices."""

    total: int = 0
    heard: list[str] = attrs.field(factory=list)

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        if by < 0:
            raise Conflict("less than nothing")
        self.total += by
        return self.total

    @handler("Ext<Price>")
    async def price(self, ctx: Ctx, base: Price, times: int = 1) -> Price:
        return Price(base.amount * times, base.currency)

    @handler("Ext<Whole>")
    async def whole(self, ctx: Ctx, options: dict[str, int] | None = None) -> dict[str, int]:
        return options or {"none": 1}

    @handler("Ext<At>")
    async def where(self, ctx: Ctx, other: Point) -> Point:
        return other

    @handler("Http<Get>/books/(?P<id>[^/]+)/pages/(?P<page>[0-9]+)")
    async def page(self, ctx: Ctx, id: str, page: int, mark: str = "") -> str:
        return f"{id} {page} {mark}".strip()

    @handler("Ext<Named>")
    async def named(self, ctx: Ctx, method: str, work: str, to: str, body: str) -> str:
        return method + work + to + body

    @handler("Ext<Raw>")
    async def raw(self, ctx: Ctx) -> Pong:
        return Pong(201, "made")

    @handler("Ext<Either>")
    async def either(self, ctx: Ctx, whole: bool) -> dict[str, int] | Pong:
        return Pong(201, {"a": 1}) if whole else {"b": 2}

    @handler("Ext<Mixed>")
    async def mixed(self, ctx: Ctx) -> dict[str, int | str]:
        return {"a": 1, "b": "x"}

    @handler("Ext<Liar>")
    async def liar(self, ctx: Ctx) -> int:
        return "no number"  # type: ignore[return-value]  # on purpose

    @handler("Ext<Relay>")
    async def relay(self, ctx: Ctx, to: str) -> int:
        return await ctx.at(to, Shelf).ask(Shelf.add, by=10)

    @handler("Http<*>")
    async def anything(self, ctx: Ctx) -> None: ...

    async def not_one(self, ctx: Ctx) -> None: ...


@attrs.define
class Other(Particle):
    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        return by


class ShelfCalls(Protocol):
    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int: ...


class ShelfDriver(Driver):
    kind = KindDef("Shelf", doc="Keeps prices")
    particle = Shelf


class Shelves:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(ShelfDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Shelves(),)


@pytest.fixture(params=["inside", "outside"])
async def caller(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClientApi]:
    config = Config(data_dir=tmp_path / "data", lease=LEASE)
    async with Machine(config, plugins=[Shelves()]) as machine:
        inside = machine.client()
        await inside.exec("create localhost<Space>; create localhost:a<Shelf>; create localhost:b<Shelf>")
        if request.param == "inside":
            yield inside
        else:
            async with Client.connect(config.data_dir) as outside:
                yield outside


async def test_typed_calls_are_waves_like_others(caller: ClientApi) -> None:
    a = caller.at("localhost:a", Shelf)
    assert await a.ask(Shelf.add) == 1
    assert await a.ask(Shelf.add, 2) == 3
    assert await a.ask(Shelf.add, by=3) == 6
    assert await a.ask(Shelf.price, Price(3), times=2) == Price(6)
    assert await a.ask(Shelf.whole) == {"none": 1}
    assert await a.ask(Shelf.whole, {"x": 5}) == {"x": 5}
    assert await a.ask(Shelf.where, Point.parse("localhost:b")) == Point.parse("localhost:b")
    assert await a.ask(Shelf.page, "7/8".replace("/", "-"), page=3, mark="x") == "7-8 3 x"
    assert (await a.ask(Shelf.raw)).status == 201
    assert await a.ask(Shelf.mixed) == {"a": 1, "b": "x"}  # a union that cannot be converted is taken as it comes
    assert [await a.ask(Shelf.either, whole) for whole in (True, False)] == [{"a": 1}, {"b": 2}]
    assert await a.ask(Shelf.named, method="a", work="b", to="c", body="d") == "abcd"
    assert await a.ask(Shelf.relay, to="localhost:b") == 10
    assert await caller.at("localhost:a", ShelfCalls, wait=5.0).ask(ShelfCalls.add, by=4) == 10
    await a.tell(Shelf.add, by=5)
    assert repr(a) == "Shelf at localhost:a"


async def test_all_of_them_are_asked(caller: ClientApi) -> None:
    await caller.at("localhost:a", Shelf).ask(Shelf.add, by=2)
    answers = await caller.at("localhost:*<Shelf>", Shelf).ask_all(Shelf.add)
    assert {answer.point.text: answer.value for answer in answers} == {"localhost:a": 3, "localhost:b": 1}
    points = [Point.parse("localhost:a"), Point.parse("localhost:nobody")]
    found = {answer.point.text: answer for answer in await caller.at(points, Shelf).ask_all(Shelf.add)}
    assert found["localhost:a"].ok and found["localhost:a"].value == 4
    with pytest.raises(NotFound, match="localhost:nobody"):
        assert found["localhost:nobody"].value


async def test_errors_are_raised_as_they_are(caller: ClientApi) -> None:
    a = caller.at("localhost:a", Shelf)
    with pytest.raises(Conflict, match="less than nothing"):
        await a.ask(Shelf.add, by=-1)
    with pytest.raises(ProtocolError, match="is not a int: 'no number'"):
        await a.ask(Shelf.liar)
    with pytest.raises(NotFound):
        await caller.at("localhost:nobody", Shelf).tell(Shelf.add)
    with pytest.raises(BadRequest, match="unknown argument 'bye'; did you mean 'by'"):
        await a.ask(Shelf.add, bye=3)  # type: ignore[call-arg]  # on purpose


_WRONG: dict[str, tuple[str, Any]] = {
    "text": ("method is the text 'add'", lambda a: a.ask("add")),
    "method": ("method is the text 'Ext<Add>'", lambda a: a.ask("Ext<Add>", by=3)),
    "bound": ("method is bound to an object", lambda a: a.ask(Shelf().add)),
    "no handler": ("not marked with @handler", lambda a: a.ask(Shelf.not_one)),
    "another class": ("Other.add is not a handler of Shelf", lambda a: a.ask(Other.add)),
    "no function": ("method is 5, which", lambda a: a.ask(5)),
    "many methods": ("takes many methods", lambda a: a.ask(Shelf.anything)),
    "too many": ("2 arguments are too many", lambda a: a.ask(Shelf.add, 1, 2)),
    "twice": ("'by' is given twice", lambda a: a.ask(Shelf.add, 1, by=2)),
    "path": ("argument 'page' is missing", lambda a: a.ask(Shelf.page, id="x")),
    "path that does not fit": ("does not fit", lambda a: a.ask(Shelf.page, id="a/b", page=2)),
    "result of the call": ("method is", lambda a: a.ask(None)),
}


@pytest.mark.parametrize("case", _WRONG)
async def test_a_wrong_call_says_what_would_be_right(machine: Machine, case: str) -> None:
    said, call = _WRONG[case]
    with pytest.raises(BadRequest) as caught:
        await call(machine.client().at("localhost:a", Shelf))
    assert said in caught.value.message


class _Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


async def test_wrong_targets_are_told(machine: Machine) -> None:
    client = machine.client()
    with pytest.raises(BadRequest, match=r"cls is 'Shelf', not a class"):
        client.at("localhost:a", "Shelf")  # type: ignore[arg-type]  # on purpose
    with pytest.raises(BadRequest, match="cls is a _Unprintable, not a class"):
        client.at("localhost:a", _Unprintable())  # type: ignore[arg-type]  # on purpose
    with pytest.raises(BadRequest, match="to is an int"):
        client.at(5, Shelf)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(BadRequest, match="is a selector, not a point\n  hint: ask_all"):
        await client.at("localhost:*", Shelf).ask(Shelf.add)
    with pytest.raises(BadRequest, match="wait is -1"):
        await client.at("localhost:a", Shelf, wait=-1).ask(Shelf.add)
    with pytest.raises(BadRequest, match="no option 'retires'; did you mean 'retries'"):
        await client.at("localhost:a", Shelf, retires=1).ask(Shelf.add)  # type: ignore[call-arg]  # on purpose


async def test_a_stub_of_a_kind_checks_and_calls_as_the_class_does(caller: ClientApi, tmp_path: Path) -> None:
    text = await caller.ask("GLOBAL::machine", "Ext<Stub>", {"kind": "Shelf"})
    file = tmp_path / "shelf_calls.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location("shelf_calls", file)
    assert spec is not None and spec.loader is not None
    calls = importlib.util.module_from_spec(spec)
    sys.modules["shelf_calls"] = calls
    try:
        spec.loader.exec_module(calls)
        a = caller.at("localhost:a", calls.Shelf)
        assert await a.ask(calls.Shelf.add, by=3) == 3
        assert await a.ask(calls.Shelf.price, calls.Price(3), times=2) == calls.Price(6)
    finally:
        del sys.modules["shelf_calls"]
    assert mypy(file) == set()
    with pytest.raises(NotFound, match="serves no Kind 'Shelv'; did you mean 'Shelf'"):
        await caller.ask("GLOBAL::machine", "Ext<Stub>", {"kind": "Shelv"})
