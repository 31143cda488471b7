"""Of the machines of one host that use the same registry one listens at the server, whatever happens to its process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from patience import PATIENCE
from postgres_server import Database
from registry.one_host import Changes, Hearing, changing, hearing, notified
from registry.shared_folder import shared_folder

pytestmark = pytest.mark.thorough  # starts processes


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with shared_folder(monkeypatch):
        yield


async def _until_notified(changes: Changes, hearers: list[Hearing], many: int) -> list[Hearing]:
    """Makes changes, all of which are heard by all, until the server notifies so many of one."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await notified(changes, hearers)
            if len(found) == many:
                return found


async def test_one_of_four_processes_listens_and_all_hear(database: Database) -> None:
    async with changing(database) as changes, hearing(database, 4) as hearers:
        (first,) = await notified(changes, hearers)
        for _ in range(5):
            assert await notified(changes, hearers) == [first]


async def test_when_the_process_that_listens_is_killed_another_one_listens_and_nothing_is_missed(
    database: Database,
) -> None:
    async with changing(database) as changes, hearing(database, 4) as hearers:
        points = []
        while len(hearers) > 1:
            (leader,) = await notified(changes, hearers)
            hearers.remove(leader)
            points += [await changes.one() for _ in range(5)]
            killing = asyncio.create_task(leader.kill())  # while changes are made
            points += [await changes.one() for _ in range(20)]
            await killing
            for one in hearers:
                await one.hears(*points)
        assert await notified(changes, hearers) == hearers


async def test_when_the_process_that_listens_is_stopped_the_others_hear_and_one_listens_when_it_goes_on(
    database: Database,
) -> None:
    async with changing(database) as changes, hearing(database, 3, slow=0.5, doubts=0.5) as hearers:
        (leader,) = await notified(changes, hearers)
        leader.stop()
        others = [one for one in hearers if one is not leader]
        await _until_notified(changes, others, 2)
        async with hearing(database, 1, slow=0.5) as later:
            await _until_notified(changes, [*others, *later], 3)
        leader.go_on()
        await _until_notified(changes, hearers, 1)


async def test_when_the_one_that_listens_loses_the_database_the_others_hear(database: Database) -> None:
    async with changing(database) as changes, hearing(database, 3) as hearers:
        (leader,) = await notified(changes, hearers)
        leader.proxy.closed = True
        leader.proxy.cut()
        others = [one for one in hearers if one is not leader]
        (second,) = await _until_notified(changes, others, 1)
        leader.proxy.closed = False
        assert await _until_notified(changes, hearers, 1) == [second]


async def test_a_process_that_follows_and_is_stopped_or_killed_holds_nobody_up(database: Database) -> None:
    async with changing(database) as changes, hearing(database, 4) as hearers:
        (leader,) = await notified(changes, hearers)
        stopped, killed, other = (one for one in hearers if one is not leader)
        stopped.stop()
        await killed.kill()
        points = [await changes.one() for _ in range(50)]
        await leader.hears(*points)
        await other.hears(*points)
        stopped.go_on()
        await stopped.hears(*points)
        assert await notified(changes, [leader, other, stopped]) == [leader]


async def test_a_forked_child_of_a_killed_process_is_no_leader(database: Database) -> None:
    async with changing(database) as changes, hearing(database, 2, child=True) as hearers:
        (leader,) = await notified(changes, hearers)
        (other,) = (one for one in hearers if one is not leader)
        leader.process.kill()  # and not its child
        assert await notified(changes, [other]) == [other]
