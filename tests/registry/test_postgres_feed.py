"""The change feed with many writers, some of which are killed: nothing lost, repeated or out of order."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import asyncpg
import attrs
import pytest

from hyperverse_core.registry import Change, ChangeKind, Registration
from hyperverse_core.testing.registry_kit.fixture_tree import FOLD, fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres.registry import PostgresRegistry
from patience import PATIENCE, START, budget
from postgres_server import Database
from thoroughness import THOROUGH

_POINTS = 12
_WRITERS, _KILLED, _SECONDS = (8, 4, 6.0) if THOROUGH else (4, 2, 1.5)


@attrs.define
class Heard:
    """What one reader has read of the feed."""

    entries: list[Change]

    def faults(self, acknowledged: set[int], last: dict[str, int]) -> list[str]:
        """What is wrong with it, given what the writers were told and the last epoch of each point."""
        found = Counter(entry.epoch for entry in self.entries)
        faults = [f"{epoch} is lost" for epoch in acknowledged if epoch not in found]
        faults += [f"{epoch} came {times} times" for epoch, times in found.items() if times > 1]
        newest: dict[str, int] = {}
        for entry in self.entries:
            if entry.epoch < newest.get(entry.point.text, 0):
                faults.append(f"{entry.point.text}: {entry.epoch} came behind {newest[entry.point.text]}")
            newest[entry.point.text] = max(entry.epoch, newest.get(entry.point.text, 0))
        ends = [point for point, epoch in last.items() if newest.get(point) != epoch]
        return [*faults, *(f"the last entry of {point} is lost" for point in ends)]


async def follow(registry: PostgresRegistry, since: int, ended: asyncio.Event) -> Heard:
    """Reads until the writers have ended and nothing is left."""
    heard = Heard([])
    while True:
        last = ended.is_set()
        changes = await registry.changes(since, timeout=0.05)
        assert not changes.lost
        heard.entries += [entry for entry in changes.entries if entry.kind is ChangeKind.ASSIGNED]
        since = changes.revision
        if last and not changes.entries:
            return heard


async def slow_commits(database: Database) -> None:
    """Lets each transaction take its time between its entries and its commit."""
    connection = await asyncpg.connect(database.url)
    await connection.execute(
        f"""
        create function {database.schema}.dawdle() returns trigger language plpgsql as $$
        begin perform pg_sleep(random() * 0.006); return null; end $$;
        create trigger dawdle after insert on {database.schema}.changes execute function {database.schema}.dawdle();
        """
    )
    await connection.close()


async def number_by_a_sequence(database: Database) -> None:
    """Makes the registry one whose feed is in the order of a sequence."""
    connection = await asyncpg.connect(database.url)
    schema = database.schema
    await connection.execute(
        f"create sequence {schema}.numbers start 1000000;"
        f"alter table {schema}.changes alter xid set default nextval('{schema}.numbers')::text::xid8"
    )
    for name in ("newest", "changes_since"):
        text = await connection.fetchval(
            "select pg_get_functiondef(oid) from pg_proc where proname = $1 and pronamespace = $2::regnamespace",
            name,
            schema,
        )
        for bound in ("xmin", "xmax"):
            text = text.replace(f"pg_snapshot_{bound}(pg_current_snapshot())", "'4611686018427387904'::xid8")
        await connection.execute(text)
    await connection.close()


async def write_and_read(database: Database, *, sequence: bool = False) -> list[str]:
    """What is wrong with what two readers have read while processes wrote and some were killed."""
    async with PostgresRegistry(database.settings) as registry, PostgresRegistry(database.settings) as other:
        await slow_commits(database)
        if sequence:
            await number_by_a_sequence(database)
        await registry.register(Registration(Point.parse("localhost"), Kind("Space"), HYPERUSER))
        points = [Point.parse(f"localhost:p{number}") for number in range(_POINTS)]
        for point in points:
            await registry.register(Registration(point, Kind("Base"), HYPERUSER))
        star = await registry.announce(fold(FOLD))
        since, ended = await registry.revision(), asyncio.Event()
        reading = [asyncio.ensure_future(follow(one, since, ended)) for one in (registry, other)]
        acknowledged = await _write(database, star.incarnation)
        ended.set()
        heard = await asyncio.wait_for(asyncio.gather(*reading), PATIENCE)
        records = await registry.records(points)
        last = {point.text: record.assignment.epoch for point, record in records.items() if record.assignment}
        faults = [fault for each in heard for fault in each.faults(acknowledged, last)]
        if heard[0].entries != heard[1].entries:
            faults.append("the two readers have read different orders")
        assert len(acknowledged) > 50, "the writers have hardly written anything"
        return faults


async def _write(database: Database, incarnation: int) -> set[int]:
    """Lets processes write, kills some of them half-way, and returns the epochs that were acknowledged."""
    script = str(Path(__file__).with_name("assigning_process.py"))
    pipe = asyncio.subprocess.PIPE
    given = [json.dumps(database.settings), str(_POINTS), str(incarnation)]
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, script, *given, str(seed), stdin=pipe, stdout=pipe)
        for seed in range(_WRITERS)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert await asyncio.wait_for(writer.stdout.readline(), START) == b"ready\n"
        told = [asyncio.ensure_future(writer.stdout.read()) for writer in writers if writer.stdout]
        seconds = budget(_SECONDS)
        await asyncio.sleep(seconds / 2)
        for writer in writers[:_KILLED]:
            writer.kill()
        await asyncio.sleep(seconds / 2)
        for writer in writers[_KILLED:]:
            assert writer.stdin is not None
            writer.stdin.close()
        texts = await asyncio.wait_for(asyncio.gather(*told), PATIENCE)
        return {int(line) for text in texts for line in text.split(b"\n")[:-1]}
    finally:
        for writer in writers:
            if writer.returncode is None:
                writer.kill()
            await writer.wait()


@pytest.mark.thorough
async def test_nothing_is_lost_repeated_or_out_of_order_with_writers_that_are_killed(database: Database) -> None:
    assert await write_and_read(database) == []


@pytest.mark.thorough  # a small run loses nothing now and then
async def test_the_same_test_finds_what_a_feed_by_a_sequence_loses(database: Database) -> None:
    faults = await write_and_read(database, sequence=True)
    assert any(fault.endswith("is lost") for fault in faults), faults[:10]
