"""A registry that is locked or slow, and a log that a forgotten reader keeps growing, are told of while they last."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from hyperverse_core.registry import Registration, StarRecord, Status
from hyperverse_core.values import HYPERUSER, ROOT, Kind, Point, StarKey
from hyperverse_sql.registry import SqlRegistry
from patience import PATIENCE, budget

_SPACE = Point.parse("localhost")
_WRITES = "writes to the registry"
_LOG = "the write-ahead log of the registry"


@contextmanager
def _other_program(file: Path, *statements: str) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()
        yield


async def _told(registry: SqlRegistry, what: str) -> str:
    """The cause of a trouble, as soon as there is one."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [trouble for trouble in registry.troubles() if trouble.what == what]
            if found:
                assert found[0].since <= time.time()
                return found[0].cause
            await asyncio.sleep(0.05)


async def test_a_lock_of_another_program_is_told_while_writes_wait_for_it(tmp_path: Path) -> None:
    file = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": file}) as registry:
        assert registry.troubles() == []
        with _other_program(file, "BEGIN IMMEDIATE"):
            waiting = asyncio.create_task(registry.set_status(ROOT, Status.READY))
            behind = asyncio.create_task(registry.set_status(ROOT, Status.PANIC))
            await asyncio.sleep(0)
            cause = await _told(registry, _WRITES)
            assert "another process" in cause and str(file) in cause
        await asyncio.gather(waiting, behind)
        assert "the longest" in await _told(registry, _WRITES)  # and for a minute behind it


async def _grow(registry: SqlRegistry, mebibytes: int) -> float:
    """Writes so much, and returns the longest that a write took, in seconds."""
    await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
    star = await registry.announce(StarRecord(StarKey("kit", "fold"), "Fold", "kit"))
    held = (await registry.assign(_SPACE, star.key, star.incarnation, None)).assignment
    longest = 0.0
    for _ in range(mebibytes // 4):
        begun = time.monotonic()
        await registry.save_state(_SPACE, held, os.urandom(4 * 2**20))
        longest = max(longest, time.monotonic() - begun)
        await asyncio.sleep(0.03)
    return longest


async def test_a_log_that_a_forgotten_reader_holds_is_told_and_stops_no_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "registry.sqlite"
    log = file.with_name(file.name + "-wal")
    async with SqlRegistry({"path": file}) as registry:
        with _other_program(file, "BEGIN", "SELECT count(*) FROM particles"):
            longest = await _grow(
                registry, 200
            )  # beyond the size at which the log is emptied, and maintained on the way
            assert log.stat().st_size > 128 * 2**20
            assert longest < budget(
                4.0
            )  # the first mend waited five seconds for the reader, with the lock in its hands
            cause = await _told(registry, _LOG)
            assert "MiB" in cause and str(file) in cause
        async with asyncio.timeout(PATIENCE):
            while registry.troubles() or log.stat().st_size > 2**20:  # noqa: ASYNC110 - it is a file
                await asyncio.sleep(0.1)
