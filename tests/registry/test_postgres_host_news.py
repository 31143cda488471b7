"""How registries of one host find one another: the directory, its sockets, and what other programs do with them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import attrs
import pytest

from hyperverse_core.errors import Unavailable
from hyperverse_postgres import feed
from hyperverse_postgres.registry import PostgresRegistry
from hyperverse_postgres.schema import lock_class
from patience import PATIENCE, until
from postgres_server import Database, dropped
from registry.cutting_proxy import CuttingProxy
from registry.one_host import NEVER, Changes, changing, notified, watched
from registry.shared_folder import shared_folder

_NOBODY = 65534
_AS_NOBODY = """
import os, socket, sys
end = socket.socket(socket.AF_UNIX)
if sys.argv[1] == "listen":
    end.bind(sys.argv[2])
    os.seteuid(65534)
    end.listen()
    print("ready", flush=True)
    sys.stdin.read()
else:
    os.seteuid(65534)
    end.connect(sys.argv[2])
    print(end.recv(10), flush=True)
"""
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not hasattr(socket, "SO_PEERCRED"), reason="acts as another user, and asks the system"
)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(feed, "_SLOW", NEVER)
    with shared_folder(monkeypatch) as folder:
        yield folder


@pytest.fixture
async def changes(database: Database) -> AsyncIterator[Changes]:
    async with changing(database) as changes:
        yield changes


@attrs.define(eq=False)
class Member:
    """A registry of this process, over a proxy of its own."""

    registry: PostgresRegistry
    proxy: CuttingProxy
    since: int

    said: set[str] = attrs.field(factory=set, init=False)

    async def hears(self, *points: str) -> None:
        """Waits until it has heard of changes."""
        while not self.said.issuperset(points):
            found = await self.registry.changes(self.since, timeout=PATIENCE)
            assert found.entries, "nothing was heard"
            self.since = found.revision
            self.said |= {entry.point.text for entry in found.entries}


@asynccontextmanager
async def member(database: Database, **settings: object) -> AsyncIterator[Member]:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(watched(database))
        given = {**database.settings, "url": proxy.url, **settings}
        registry = await stack.enter_async_context(PostgresRegistry(given))
        yield Member(registry, proxy, await registry.revision())


def sockets(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def left_behind(path: Path) -> None:
    """Leaves a socket as a process that is killed does."""
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))
        end.listen()


async def test_one_of_two_listens_and_leaves_nothing_behind_when_both_have_closed(
    folder: Path, database: Database, changes: Changes
) -> None:
    async with member(database) as second:
        async with member(database) as third:
            assert await notified(changes, [second, third]) == [second]
            await second.registry.close()
            assert await notified(changes, [third]) == [third]
            (path,) = sockets(folder)
            assert mode(folder) == 0o700
        assert path not in sockets(folder)
    assert sockets(folder) == []


async def test_what_a_killed_process_left_behind_is_no_harm(folder: Path, database: Database, changes: Changes) -> None:
    async with member(database) as one:
        (path,) = sockets(folder)
        assert await notified(changes, [one]) == [one]
    left_behind(path)
    left_behind(folder / f"registry-{'0' * 20}.sock")  # of another registry
    async with member(database) as one, member(database) as other:
        assert await notified(changes, [one, other]) == [one]
        assert sockets(folder) == [path]


async def test_another_schema_and_another_database_are_another_registry(folder: Path, database: Database) -> None:
    name = f"{database.schema}_other"
    admin = await asyncpg.connect(database.url)
    await admin.execute(f'create database "{name}"')
    schema = Database(database.url, f"{database.schema}_b")
    elsewhere = Database(database.url.replace("/postgres?", f"/{name}?"), database.schema)
    try:
        async with AsyncExitStack() as stack:
            for where in (database, schema, elsewhere):
                changes = await stack.enter_async_context(changing(where))
                one = await stack.enter_async_context(member(where))
                other = await stack.enter_async_context(member(where))
                assert await notified(changes, [one, other]) == [one]
            assert len(sockets(folder)) == 3
    finally:
        await dropped(schema)
        await admin.execute(f'drop database "{name}" with (force)')
        await admin.close()


def _readable_by_others(folder: Path) -> None:
    folder.mkdir(mode=0o755)


def _of_another_user(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, _NOBODY, _NOBODY)


def _a_file(folder: Path) -> None:
    folder.touch()


def _a_link(folder: Path) -> None:
    (folder.parent / "other").mkdir(mode=0o700)
    folder.symlink_to("other")


def _nowhere(folder: Path) -> None:
    folder.parent.rmdir()


@pytest.mark.parametrize(
    "spoil",
    [_readable_by_others, pytest.param(_of_another_user, marks=needs_root), _a_file, _a_link, _nowhere],
)
async def test_without_a_private_directory_each_listens(
    folder: Path, database: Database, changes: Changes, spoil: Callable[[Path], None]
) -> None:
    spoil(folder)
    async with member(database) as one, member(database) as other:
        assert await notified(changes, [one, other]) == [one, other]
    if spoil is _nowhere:
        folder.parent.mkdir()


async def test_where_a_path_is_too_long_for_a_socket_each_listens(
    folder: Path, database: Database, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = folder.parent / ("a" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    async with member(database) as one, member(database) as other:
        assert await notified(changes, [one, other]) == [one, other]


async def test_where_a_file_of_another_sort_has_the_name_each_listens_and_the_file_stays(
    folder: Path, database: Database, changes: Changes
) -> None:
    async with member(database):
        (path,) = sockets(folder)
    path.write_text("mine")
    async with member(database) as one, member(database) as other:
        assert await notified(changes, [one, other]) == [one, other]
    assert path.read_text() == "mine"


async def test_behind_a_pooler_nobody_joins(folder: Path, database: Database, changes: Changes) -> None:
    async with PostgresRegistry({**database.settings, "pooler": True}) as registry:
        await changes.one()
        assert await registry.revision()
        assert sockets(folder) == []


async def test_a_peer_that_never_reads_gets_no_more_than_the_system_keeps_and_holds_nobody_up(
    folder: Path, database: Database, changes: Changes
) -> None:
    many = 3000
    async with member(database) as leader, member(database) as follower:
        (path,) = sockets(folder)
        with socket.socket(socket.AF_UNIX) as mute:
            mute.connect(str(path))
            mute.setblocking(False)
            raw = await asyncpg.connect(database.url)
            for number in range(many):  # each of a text of its own: the server drops one that it has already
                await raw.execute(f"notify hyperverse_{lock_class(database.schema)}, '{number}'")
            await raw.close()
            await until(lambda: leader.proxy.counted >= many, "all notifications")
            assert await notified(changes, [leader, follower]) == [leader]
            pending = 0
            while said := _pending(mute):
                pending += len(said)
            assert 0 < pending < many
        assert await notified(changes, [leader, follower]) == [leader]


async def _until_it_reads(registry: PostgresRegistry) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await registry.stars()
                return
            except Unavailable:
                await asyncio.sleep(0.05)


def _pending(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except BlockingIOError:
        return b""


async def test_a_peer_that_says_something_is_sent_away(folder: Path, database: Database, changes: Changes) -> None:
    async with member(database) as leader, member(database) as follower:
        (path,) = sockets(folder)
        reader, writer = await asyncio.open_unix_connection(str(path))
        assert await asyncio.wait_for(reader.read(1), PATIENCE) == b"\n"
        writer.write(b"x" * 100_000)
        with pytest.raises(OSError):
            while True:
                await asyncio.wait_for(writer.drain(), PATIENCE)
                await asyncio.sleep(0.001)
                writer.write(b"x")
        writer.close()
        assert await notified(changes, [leader, follower]) == [leader]


async def test_a_leader_without_a_free_descriptor_goes_on_and_accepts_when_it_has_one(
    folder: Path, database: Database, changes: Changes
) -> None:
    async with member(database) as leader:
        (path,) = sockets(folder)
        with socket.socket(socket.AF_UNIX) as late:
            late.setblocking(False)
            with no_descriptor_left():
                late.connect(str(path))
                assert await notified(changes, [leader]) == [leader]
                assert _pending(late) == b""
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(late, 1), PATIENCE) == b"\n"


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Lets this process open no file until the end of a ``with``."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 1, before[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(taken[0]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for number in taken:
            os.close(number)


@needs_root
async def test_a_process_of_another_user_is_told_nothing(folder: Path, database: Database, changes: Changes) -> None:
    async with member(database) as leader:
        (path,) = sockets(folder)
        for each in (folder.parent, folder, path):  # as if the directory did not keep it out
            each.chmod(0o777)
        asking = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _AS_NOBODY, "connect", str(path), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await asyncio.wait_for(asking.communicate(), PATIENCE)
        assert said == b"b''\n"
        assert await notified(changes, [leader]) == [leader]


@needs_root
async def test_a_leader_of_another_user_is_not_followed(folder: Path, database: Database, changes: Changes) -> None:
    async with member(database):
        (path,) = sockets(folder)
    pipe = asyncio.subprocess.PIPE
    words = (sys.executable, "-c", _AS_NOBODY, "listen", str(path))
    other = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
    assert other.stdout is not None
    assert await asyncio.wait_for(other.stdout.readline(), PATIENCE) == b"ready\n"
    try:
        async with member(database) as one, member(database) as two:
            assert await notified(changes, [one, two]) == [one, two]
    finally:
        other.kill()
        await other.wait()


async def test_when_the_leader_loses_its_connection_another_one_leads(
    folder: Path, database: Database, changes: Changes
) -> None:
    async with member(database) as leader, member(database) as follower:
        leader.proxy.closed = True
        leader.proxy.cut()
        assert await notified(changes, [follower]) == [follower]
        leader.proxy.closed = False
        await _until_it_reads(leader.registry)
        assert await notified(changes, [leader, follower]) == [follower]
        assert len(sockets(folder)) == 1
