"""A disk that is full: SQLite is told to keep its file to so many pages, which it meets as it meets a full disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from hyperverse_core.errors import Unavailable
from hyperverse_core.registry import Registration, StarRecord, Status
from hyperverse_core.values import HYPERUSER, Kind, Point, StarKey
from hyperverse_sql.registry import SqlRegistry

_SPACE = Point.parse("localhost")


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Registries that are opened meanwhile find room for about 400 KiB."""

    def limit(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA max_page_count=100")
        cursor.close()

    sa.event.listen(Engine, "connect", limit)
    yield
    sa.event.remove(Engine, "connect", limit)


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": path}) as registry:
        await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
    return path


async def _fill(path: Path) -> tuple[set[Point], list[Exception]]:
    """Registers until there is no more room; what was acknowledged, and the errors."""
    points = [_SPACE.child(f"p{number}") for number in range(2000)]
    async with SqlRegistry({"path": path}) as registry:
        found = await asyncio.gather(
            *(registry.register(Registration(point, Kind("Base"), HYPERUSER, state=b"x" * 500)) for point in points),
            return_exceptions=True,
        )
    acknowledged = {point for point, result in zip(points, found, strict=True) if not isinstance(result, Exception)}
    return acknowledged, [result for result in found if isinstance(result, Exception)]


async def test_who_writes_to_a_full_disk_is_told_so(path: Path, full_disk: None) -> None:
    acknowledged, errors = await _fill(path)
    assert acknowledged
    assert errors
    for error in errors:
        assert isinstance(error, Unavailable)
        assert "is full; nothing was written" in error.message
        assert "free some space" in error.hint
        assert error.retry_after


@pytest.mark.thorough
async def test_a_full_disk_leaves_nothing_half_done(path: Path, full_disk: None) -> None:
    acknowledged, _ = await _fill(path)
    async with SqlRegistry({"path": path}) as registry:
        points = [_SPACE.child(f"p{number}") for number in range(2000)]
        assert set(await registry.records(points)) == acknowledged
        assert [await registry.load_state(point) for point in acknowledged] == [b"x" * 500] * len(acknowledged)
        logged = {change.point for change in (await registry.changes(0, timeout=0)).entries}
        assert logged == acknowledged | {_SPACE}
        assert await registry.check() == []


async def test_one_that_needs_too_much_does_no_harm_to_the_others(path: Path, full_disk: None) -> None:
    async with SqlRegistry({"path": path}) as registry:
        star = await registry.announce(StarRecord(StarKey("kit", "fold"), "Fold", "kit"))
        held = (await registry.assign(_SPACE, star.key, star.incarnation, None)).assignment
        small, huge, status = await asyncio.gather(
            registry.register(Registration(_SPACE.child("small"), Kind("Base"), HYPERUSER)),
            registry.save_state(_SPACE, held, b"x" * 1_000_000),
            registry.set_status(_SPACE, Status.READY),
            return_exceptions=True,
        )
        assert isinstance(huge, Unavailable)
        assert not isinstance(small, BaseException)
        assert status is None
        assert await registry.load_state(_SPACE) is None
        await registry.save_state(_SPACE, held, b"little")
        assert await registry.load_state(_SPACE) == b"little"
