"""The change feed of a file that other processes write to as well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core.registry import Registration
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_sql.engine import writer
from hyperverse_sql.registry import SqlRegistry
from patience import PATIENCE

_NEVER = 1_000_000.0
_LONG = PATIENCE


@attrs.frozen
class _Two:
    """Two that have one file open, as two processes would."""

    here: SqlRegistry
    other: SqlRegistry

    async def commit_elsewhere(self, name: str) -> None:
        await self.other.register(Registration(Point.parse(name), Kind("Space"), HYPERUSER))


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[_Two]:
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": path}) as here, SqlRegistry({"path": path}) as other:
        yield _Two(here, other)


async def test_what_one_reader_has_read_another_gets_as_well(two: _Two) -> None:
    for name in ("a", "b", "c"):
        since = await two.here.revision()
        waiting = asyncio.ensure_future(two.here.changes(since, timeout=_LONG))
        await asyncio.sleep(0.3)  # looks are rare by now: the second reader comes between two of them
        await two.commit_elsewhere(name)
        found = await two.here.changes(since, timeout=_LONG)
        assert await asyncio.wait_for(waiting, PATIENCE / 2) == found


async def test_a_notice_of_what_one_reader_has_read_wakes_another(two: _Two, monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("_OFTEN", "_SELDOM", "_GROWTH"):
        monkeypatch.setattr(f"hyperverse_sql.feed.{pause}", _NEVER)
    since = await two.here.revision()
    waiting = asyncio.ensure_future(two.here.changes(since, timeout=_LONG))
    await asyncio.sleep(0.3)  # the last look was before the commit
    await two.commit_elsewhere("a")
    found = await two.here.changes(since, timeout=_LONG)
    assert not waiting.done()
    two.here.notice(found.revision)
    assert await asyncio.wait_for(waiting, PATIENCE / 2) == found


async def test_an_own_commit_is_known_as_such_to_whoever_reads_it(two: _Two, monkeypatch: pytest.MonkeyPatch) -> None:
    transact = writer._transact

    def slow(*arguments: Any) -> Any:
        done = transact(*arguments)
        time.sleep(0.5)  # committed, and the event loop does not know it yet
        return done

    monkeypatch.setattr(writer, "_transact", slow)
    since = await two.other.revision()
    writing = asyncio.ensure_future(two.commit_elsewhere("a"))
    found = await two.other.changes(since, timeout=_LONG)
    assert found.revision == two.other.committed == since + 1
    assert not writing.done(), "it was not read before the writer was back"
    await writing
