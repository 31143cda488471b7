"""Writes that arrive together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from hyperverse_core.errors import BadRequest, NotFound
from hyperverse_core.registry import Registration, Status, Strategy, TokenRecord
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_sql.engine.work import Unit, one_by_one, plan
from hyperverse_sql.registry import SqlRegistry

_SPACE = Point.parse("localhost")
_WORKS = tuple(one_by_one(lambda _tx, _argument: None) for _ in range(3))


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The statements that were run, and the ends of transactions."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    def committed(_connection: Any) -> None:
        seen.append("COMMIT")

    sa.event.listen(Engine, "before_cursor_execute", note)
    sa.event.listen(Engine, "commit", committed)
    yield seen
    sa.event.remove(Engine, "before_cursor_execute", note)
    sa.event.remove(Engine, "commit", committed)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SqlRegistry]:
    async with SqlRegistry({"path": tmp_path / "registry.sqlite"}) as registry:
        await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
        yield registry


def _base(name: str, strategy: Strategy = Strategy.COMMIT) -> Registration:
    return Registration(_SPACE.child(name), Kind("Base"), HYPERUSER, strategy=strategy)


async def test_many_registrations_at_once_are_a_handful_of_statements(
    registry: SqlRegistry, statements: list[str]
) -> None:
    await asyncio.gather(*(registry.register(_base(f"p{number}")) for number in range(250)))
    assert statements.count("COMMIT") == 1
    assert len(statements) < 10


async def test_many_look_ups_at_once_are_one_query(registry: SqlRegistry, statements: list[str]) -> None:
    await asyncio.gather(*(registry.records([_SPACE]) for _ in range(250)))
    assert len(statements) == 1


async def test_what_one_caller_asks_for_in_order_is_done_in_order(registry: SqlRegistry) -> None:
    child = _SPACE.child("a").child("b")
    await asyncio.gather(
        registry.register(_base("a")),
        registry.register(Registration(child, Kind("Base"), HYPERUSER)),
        registry.set_status(child, Status.INIT),
        registry.register(_base("z", Strategy.OVERRIDE)),
        registry.set_status(child, Status.READY),
        registry.set_status(_SPACE.child("z"), Status.DONE),
    )
    assert (await registry.record(child)).status is Status.READY
    assert (await registry.record(_SPACE.child("z"))).status is Status.DONE


async def test_a_value_that_cannot_be_kept_fails_alone(registry: SqlRegistry) -> None:
    bad = TokenRecord("ab", _SPACE, label="\ud800")
    good, refused, other = await asyncio.gather(
        registry.register(_base("good")),
        registry.add_token(bad),
        registry.set_status(_SPACE.child("missing"), Status.READY),
        return_exceptions=True,
    )
    assert not isinstance(good, BaseException)
    assert isinstance(refused, BadRequest)
    assert isinstance(other, NotFound)
    assert await registry.tokens() == []


async def test_a_caller_that_goes_away_takes_nobody_with_it(registry: SqlRegistry) -> None:
    async def come_and_go(number: int) -> None:
        task = asyncio.ensure_future(registry.register(_base(f"p{number}")))
        look = asyncio.ensure_future(registry.records([_SPACE]))
        page = asyncio.ensure_future(registry.children(_SPACE))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        if number % 2:
            task.cancel()
            look.cancel()
            page.cancel()
        await asyncio.gather(task, look, page, return_exceptions=True)

    await asyncio.gather(*(come_and_go(number) for number in range(100)))
    kept = {_SPACE.child(f"p{number}") for number in range(0, 100, 2)}
    assert kept <= set(await registry.records(kept))
    assert await registry.check() == []


async def test_what_was_begun_is_finished_by_close(tmp_path: Path) -> None:
    path = tmp_path / "closing.sqlite"
    registry = SqlRegistry({"path": path})
    await registry.open()
    writing = asyncio.ensure_future(registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER)))
    await asyncio.sleep(0)
    await registry.close()
    assert (await writing).created
    async with SqlRegistry({"path": path}) as again:
        assert (await again.record(_SPACE)).point == _SPACE


@given(
    st.lists(
        st.tuples(st.sampled_from(_WORKS), st.none() | st.lists(st.sampled_from("abcd"), max_size=2).map(tuple)),
        max_size=30,
    )
)
def test_no_two_writes_that_touch_the_same_point_change_places(
    wanted: list[tuple[Any, tuple[str, ...] | None]],
) -> None:
    units = [Unit(work, place, touches, None) for place, (work, touches) in enumerate(wanted)]  # type: ignore[arg-type]  # no answer is wanted
    groups = plan(units)
    done = [unit for group in groups for unit in group.units]
    assert sorted(unit.argument for unit in done) == list(range(len(units)))
    assert all(unit.work is group.work for group in groups for unit in group.units)
    for place, later in enumerate(done):
        for earlier in done[:place]:
            together = later.touches is None or earlier.touches is None or set(later.touches) & set(earlier.touches)
            assert not together or earlier.argument < later.argument


def test_units_of_one_work_that_do_not_meet_are_one_group() -> None:
    units = [Unit(_WORKS[number % 2], number, (f"p{number}",), None) for number in range(20)]  # type: ignore[arg-type]  # no answer is wanted
    assert len(plan(units)) == 2
