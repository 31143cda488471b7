"""The database goes away and comes back: nothing is lost, nothing is done twice, and each error says what is known."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from hyperverse_core.errors import OutcomeUnknown, Unavailable
from hyperverse_core.registry import ChangeKind, Registration, Status
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres import writer
from hyperverse_postgres.registry import PostgresRegistry
from hyperverse_postgres.schema import lock_class
from patience import PATIENCE, until
from postgres_server import Database, PostgresServer
from registry.cutting_proxy import CuttingProxy

_A = Point.parse("localhost")


@pytest.fixture
async def registry(proxy: CuttingProxy, database: Database) -> AsyncIterator[PostgresRegistry]:
    async with PostgresRegistry({"url": proxy.url, "schema": database.schema}) as registry:
        await registry.register(Registration(_A, Kind("Space"), HYPERUSER, state=b"first"))
        assert await registry.sequence(_A)
        yield registry


async def _until_it_reads(registry: PostgresRegistry) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await registry.stars()
                return
            except Unavailable:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("where", ["cut_answer", "cut_request"])
async def test_a_write_whose_connection_breaks_is_done_once(
    registry: PostgresRegistry, proxy: CuttingProxy, where: str
) -> None:
    star = await registry.announce(fold())
    setattr(proxy, where, b"sequence")
    assert await registry.sequence(_A) == 2
    assert getattr(proxy, where) == b""
    assert await registry.sequence(_A) == 3
    setattr(proxy, where, b"assign")
    assigned = await registry.assign(_A, star.key, star.incarnation, None)
    assert assigned.state == b"first"
    assert (await registry.record(_A)).assignment == assigned.assignment
    setattr(proxy, where, b"register")
    point = _A.child("b")
    assert (await registry.register(Registration(point, Kind("Base"), HYPERUSER))).created
    setattr(proxy, where, b"delete")
    assert [record.point for record in await registry.delete([point])] == [point]
    told = (await registry.changes(0, timeout=1.0)).entries
    assert [entry.kind for entry in told if entry.point == point] == [ChangeKind.REGISTERED, ChangeKind.DELETED]


async def _in_doubt(registry: PostgresRegistry, proxy: CuttingProxy, admin: asyncpg.Connection) -> asyncio.Task[int]:
    """A write that was committed, whose answer was lost, while no new connection can be made."""
    proxy.cut_answer, proxy.closed = b"sequence", True
    writing = asyncio.create_task(registry.sequence(_A))
    drawn = "select sequence from particles where point = $1"
    async with asyncio.timeout(PATIENCE):
        while await admin.fetchval(drawn, _A.text) < 2:  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(0.01)
    return writing


async def test_a_write_in_doubt_that_is_refused_when_it_is_sent_again_stays_unknown(
    registry: PostgresRegistry, proxy: CuttingProxy, database: Database
) -> None:
    admin = await asyncpg.connect(database.url, server_settings={"search_path": database.schema})
    writing = await _in_doubt(registry, proxy, admin)
    await admin.execute(f"select pg_advisory_lock({lock_class(database.schema)}, k) from generate_series(0, 63) k")
    proxy.closed = False
    waiting = "select pg_cancel_backend(pid) from pg_locks where locktype = 'advisory' and classid = $1 and not granted"
    async with asyncio.timeout(PATIENCE):
        while not writing.done():
            await admin.execute(waiting.replace("$1", str(lock_class(database.schema))))
            await asyncio.sleep(0.01)
    await admin.close()
    with pytest.raises(OutcomeUnknown):
        await writing


async def test_a_write_in_doubt_is_unknown_when_the_registry_closes(
    registry: PostgresRegistry, proxy: CuttingProxy, database: Database
) -> None:
    admin = await asyncpg.connect(database.url, server_settings={"search_path": database.schema})
    writing = await _in_doubt(registry, proxy, admin)
    await admin.close()
    await registry.close()
    with pytest.raises(OutcomeUnknown):
        await writing


async def test_a_write_over_a_connection_that_the_server_is_about_to_end_is_not_unknown(
    registry: PostgresRegistry, proxy: CuttingProxy, database: Database
) -> None:
    admin = await asyncpg.connect(database.url)
    proxy.keeps_open = True  # the server says that it ends the connection, and the end itself comes later
    ours = "select pg_terminate_backend(pid) from pg_stat_activity where position($1 in query) > 0"
    count = len(await admin.fetch(f"{ours} and pid <> pg_backend_pid()", database.schema))
    await until(lambda: proxy.ended >= count, "the end of the connections")
    await admin.close()
    for _ in range(10):
        await asyncio.sleep(0)  # what the server said arrives
    proxy.closed = True
    with pytest.raises(Unavailable, match="nothing was written"):  # and not an outcome that is unknown
        await registry.sequence(_A)
    proxy.closed = False
    assert await _when_it_is_back(registry) == 2


async def test_many_writes_under_cuts_are_done_once(registry: PostgresRegistry, proxy: CuttingProxy) -> None:
    numbers: list[int] = []

    async def count() -> None:
        for _ in range(20):
            numbers.append(await _when_it_is_back(registry))  # one that was not written is repeated

    counting = [asyncio.ensure_future(count()) for _ in range(5)]
    chance = random.Random(1)
    while not all(task.done() for task in counting):
        reached = len(numbers)
        await asyncio.sleep(chance.uniform(0.0, 0.01))
        proxy.cut()  # and not again before something got through, however long a busy computer takes to connect
        await until(lambda reached=reached: len(numbers) > reached or all(task.done() for task in counting), "a write")
    await asyncio.gather(*counting)
    assert sorted(numbers) == list(range(2, 102))


async def test_an_outcome_that_nobody_can_find_is_said_to_be_unknown(
    registry: PostgresRegistry, proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_SETTLE", 0.2)
    proxy.cut_answer, proxy.closed = b"sequence", True
    with pytest.raises(OutcomeUnknown, match="it is not known whether that was committed") as raised:
        await registry.sequence(_A)
    assert "nothing was written" not in str(raised.value)
    with pytest.raises(Unavailable, match="nothing was written"):
        await registry.sequence(_A)
    proxy.closed = False
    assert await _when_it_is_back(registry) == 3


async def _when_it_is_back(registry: PostgresRegistry) -> int:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await registry.sequence(_A)
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_a_group_of_writes_a_look_up_and_a_renewal_are_one_turn_each(
    registry: PostgresRegistry, proxy: CuttingProxy
) -> None:
    star = await registry.announce(fold())
    points = [_A.child(f"p{number}") for number in range(50)]
    others = [_A.child(f"q{number}") for number in range(50)]

    async def turns(acts: list[object]) -> int:
        await asyncio.sleep(0.1)  # the notification of what was before
        before = proxy.requests
        await asyncio.gather(*acts)  # type: ignore[call-overload]
        return proxy.requests - before

    def register(points: list[Point]) -> list[object]:
        return [registry.register(Registration(point, Kind("Base"), HYPERUSER)) for point in points]

    def status(status: Status) -> list[object]:
        return [registry.set_status(point, status) for point in points]

    await turns(register(points))
    await turns([registry.records(points)])
    # The statements are known by now. Reads go beside, as those of a notification.
    assert await turns(register(others)) <= 2
    assert await turns([registry.records([point]) for point in points]) == 1
    assert await turns([registry.renew([star])]) == 1


async def test_a_server_that_stops_and_starts_is_found_again(postgres_server: PostgresServer) -> None:
    async with PostgresRegistry({"url": postgres_server.url()}) as registry:
        await registry.register(Registration(_A, Kind("Space"), HYPERUSER))
        since = await registry.revision()
        waiting = asyncio.ensure_future(registry.changes(since, timeout=PATIENCE))
        await asyncio.sleep(0.05)
        acknowledged = [await registry.sequence(_A) for _ in range(5)]
        postgres_server.stop(signal.SIGQUIT)  # as a crash
        with pytest.raises(Unavailable, match="cannot be reached"):
            await registry.records([_A])
        with pytest.raises(Unavailable, match=r"nothing was written|not known"):
            await registry.sequence(_A)
        assert registry.trouble()
        (trouble,) = [one for one in registry.troubles() if one.what == "the database of the registry"]
        assert "cannot be reached" in trouble.cause
        with pytest.raises(Unavailable):
            await waiting
        postgres_server.start()
        assert await _when_it_is_back(registry) > max(acknowledged)
        await _until_it_reads(registry)
        assert (await registry.record(_A)).kind == Kind("Space")
        await registry.set_status(_A, Status.PAUSED)
        found = await registry.changes(since, timeout=PATIENCE)
        assert [entry.kind for entry in found.entries] == [ChangeKind.STATUS]
        assert not registry.trouble()
        assert registry.troubles() == []


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ("table {0}.writers rename to elsewhere", "table {0}.elsewhere rename to writers"),
        ("table {0}.particles rename sequence to number", "table {0}.particles rename number to sequence"),
        ("schema {0} rename to {0}_elsewhere", "schema {0}_elsewhere rename to {0}"),
    ],
)
async def test_a_database_that_takes_no_writes_is_a_trouble_until_it_does(
    registry: PostgresRegistry, database: Database, away: str, back: str
) -> None:
    admin = await asyncpg.connect(database.url)
    try:
        await admin.execute(f"alter {away.format(database.schema)}")
        with pytest.raises(Unavailable, match="cannot be used") as raised:
            await registry.sequence(_A)
        (trouble,) = registry.troubles()
        assert (trouble.what, trouble.cause) == ("writes to the registry", raised.value.message)
        await admin.execute(f"alter {back.format(database.schema)}")
    finally:
        await admin.close()
    assert await registry.sequence(_A)
    assert registry.troubles() == []


@pytest.fixture
async def user(database: Database) -> AsyncIterator[Database]:
    """The database as a user sees it who may do nothing else."""
    admin = await asyncpg.connect(database.url)
    name = f"user_{database.schema}"
    await admin.execute(f"create role {name} login; create schema {database.schema} authorization {name}")
    yield Database(database.url.replace("//hyperverse@", f"//{name}@"), database.schema)
    await admin.execute(f"drop owned by {name} cascade; drop role {name}")
    await admin.close()


_BEGIN = "begin; select pg_current_xact_id()"


@pytest.mark.parametrize(
    ("begin", "end", "who"),
    [
        (_BEGIN, "rollback", "transaction of a long report (process"),
        (
            f"{_BEGIN}; prepare transaction 'forgotten'",
            "rollback prepared 'forgotten'",
            "prepared transaction ('forgotten'",
        ),
    ],
)
async def test_a_transaction_of_another_user_that_delays_the_feed_is_named(
    database: Database, user: Database, begin: str, end: str, who: str
) -> None:
    other = await asyncpg.connect(database.url, server_settings={"application_name": "a long report"})
    try:
        async with PostgresRegistry(user.settings) as registry:
            since = await registry.revision()
            begun = time.time()
            await other.execute(begin)
            await registry.register(Registration(_A, Kind("Space"), HYPERUSER))
            waiting = asyncio.ensure_future(registry.changes(since, timeout=PATIENCE))
            looked = 0
            while looked < 3:  # it is looked at again and again
                if named := [one for one in registry.troubles() if "feed" in one.what]:
                    looked += 1
                assert not waiting.done()
                await asyncio.sleep(0.2)
            (trouble,) = named
            assert who in trouble.cause
            assert "user 'hyperverse', database 'postgres'" in trouble.cause
            assert begun - 1 < trouble.since
            assert time.time() - trouble.since > 0.5, "each look says that it has just begun"
            await other.execute(end)
            assert [entry.point for entry in (await waiting).entries] == [_A]
            await registry.changes(await registry.revision(), timeout=0.01)
            assert registry.troubles() == []
    finally:
        await other.close()


async def test_a_lock_timeout_of_the_user_that_is_meant_for_other_programs_ends_no_write(
    database: Database, user: Database
) -> None:
    admin = await asyncpg.connect(database.url)
    watching = await asyncpg.connect(database.url)
    await admin.execute(f"alter role user_{database.schema} set lock_timeout = '1ms'")
    waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and position($1 in query) > 0"
    async with PostgresRegistry(user.settings) as registry:
        await registry.register(Registration(_A, Kind("Space"), HYPERUSER))
        async with admin.transaction():
            await admin.execute(f"select from {database.schema}.particles for update")
            waiting = asyncio.ensure_future(registry.sequence(_A))
            async with asyncio.timeout(PATIENCE):
                while not waiting.done() and not await watching.fetchval(waits, database.schema):
                    await watching.execute("select pg_sleep(0.01)")
            await watching.execute("select pg_sleep(0.05)")  # longer than the user's time-out
        assert await waiting == 1
    await admin.close()
    await watching.close()


async def test_while_no_server_of_the_url_takes_writes_the_database_is_away(postgres_server: PostgresServer) -> None:
    admin = await asyncpg.connect(postgres_server.url())
    url = f"{postgres_server.url()}&target_session_attrs=read-write"
    async with PostgresRegistry({"url": url}) as registry:
        await registry.register(Registration(_A, Kind("Space"), HYPERUSER))
        await admin.execute("alter role hyperverse set default_transaction_read_only = on")
        others = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hyperverse'"
        await admin.execute(others)
        with pytest.raises(Unavailable):
            await registry.sequence(_A)
        with pytest.raises(Unavailable, match="cannot be reached"):
            await registry.records([_A])
        await admin.execute("set default_transaction_read_only = off; alter role hyperverse reset all")
        assert await _when_it_is_back(registry)
        await _until_it_reads(registry)
    await admin.close()


@pytest.mark.parametrize("text", ["a\0b", "half \ud800"])
async def test_a_text_that_the_database_cannot_keep_harms_only_its_own_write(
    registry: PostgresRegistry, text: str
) -> None:
    from hyperverse_core.errors import BadRequest
    from hyperverse_core.registry import TokenRecord
    from hyperverse_core.values import SetProperty

    with pytest.raises(BadRequest):
        await registry.add_token(TokenRecord("ab", _A, label=text))
    await registry.set_properties([_A], [SetProperty("x", text)])
    assert (await registry.record(_A)).properties["x"].value == text


async def test_a_point_that_is_too_long_is_refused_and_its_neighbours_are_not(registry: PostgresRegistry) -> None:
    from hyperverse_core.errors import TooLarge

    long = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9000))
    points = [_A.child(name) for name in ("p", f"x{long}", "q")]
    found = await asyncio.gather(
        *(registry.register(Registration(point, Kind("Base"), HYPERUSER)) for point in points), return_exceptions=True
    )
    assert isinstance(found[1], TooLarge)
    assert set(await registry.records(points)) == {points[0], points[2]}
