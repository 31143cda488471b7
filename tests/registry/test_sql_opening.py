"""What may stand where the registry's file should be, and what its settings may be."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core.errors import ConfigError, Unavailable
from hyperverse_core.registry import Registration, StarRecord, TokenRecord
from hyperverse_core.values import HYPERUSER, ROOT, Kind, Point, StarKey
from hyperverse_sql.engine.sqlite.connection import SqliteConnection
from hyperverse_sql.registry import SqlRegistry
from patience import budget

# More pages than the cache has room for: some are written before the commit, what they replace is in the journal.
_HALF_A_WRITE = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size=1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE half (text)")
connection.executemany("INSERT INTO half VALUES (?)", [("x" * 1000,)] * 500)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _leave_half_a_write(path: Path) -> None:
    """A process writes to a file that is not in WAL mode, and is killed."""
    killed = subprocess.run([sys.executable, "-c", _HALF_A_WRITE, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.with_name(path.name + "-journal").stat().st_size > 0


async def _refused(path: Path, **settings: Any) -> str:
    registry = SqlRegistry({"path": path, **settings})
    with pytest.raises(ConfigError) as caught:
        await registry.open()
    await registry.close()
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert str(path) in caught.value.message
    return caught.value.message


async def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    async with SqlRegistry({"path": str(tmp_path / "new" / "folder" / "registry.sqlite")}) as registry:
        assert (await registry.record(ROOT)).point == ROOT


async def test_an_empty_file_becomes_a_registry(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    path.touch()
    async with SqlRegistry({"path": path}) as registry:
        assert await registry.check() == []


async def test_a_registry_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": path}):
        pass
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    assert "newer" in await _refused(path)
    assert path.read_bytes() == before


async def test_a_registry_of_an_older_version_is_brought_to_the_present_one(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    star = StarRecord(StarKey("kit", "fold"), "Fold", "kit", facts="told")
    token = TokenRecord("ab", HYPERUSER, "owner")
    async with SqlRegistry({"path": path}) as registry:
        await registry.announce(star)
        await registry.add_token(token)
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE stars DROP COLUMN facts")
    connection.execute("DROP INDEX tokens_agent")
    connection.execute("ALTER TABLE changes DROP COLUMN epoch")
    for table in ("machine_keys", "invitations"):
        connection.execute(f"DROP TABLE {table}")
    for column in ("scope", "created", "expires"):
        connection.execute(f"ALTER TABLE tokens DROP COLUMN {column}")
    connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    connection.commit()
    connection.close()
    async with SqlRegistry({"path": path}) as registry, SqlRegistry({"path": path}) as other:
        (found,) = await registry.stars()
        assert await registry.tokens() == [token]
        assert (found.key, found.facts) == (star.key, "")
        await registry.renew([attrs.evolve(found, facts="told again")])
        assert [star.facts for star in await other.stars()] == ["told again"]
        assert await registry.check() == []


async def test_who_opens_a_registry_that_is_held_is_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": path}):
        pass
    monkeypatch.setattr("hyperverse_sql.engine.sqlite.database_file._PATIENCE", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    registry = SqlRegistry({"path": path})
    with pytest.raises(Unavailable, match="held by another process") as caught:
        await registry.open()
    assert "resume or kill" in caught.value.hint
    await registry.close()
    holder.close()
    async with SqlRegistry({"path": path}) as registry:
        assert (await registry.record(ROOT)).point == ROOT


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_process_that_gives_up_opening_a_held_registry_ends_at_once(tmp_path: Path, lock: str) -> None:
    path = tmp_path / "registry.sqlite"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA user_version=1")
    holder.execute(f"BEGIN {lock}")

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(SqlRegistry({"path": path}).open(), 0.3)

    began = time.monotonic()
    asyncio.run(give_up())  # waits for the threads that it has started
    assert time.monotonic() - began < budget(3.0)
    holder.close()


async def test_who_opens_a_new_file_waits_for_another_who_does(tmp_path: Path) -> None:
    """SQLite itself does not wait here: two that turn a file to WAL mode could wait for each other."""
    path = tmp_path / "registry.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA user_version=1")
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, other.close)
    release.start()
    async with SqlRegistry({"path": path}) as registry:
        assert (await registry.record(ROOT)).point == ROOT
    release.join()


async def test_who_opens_a_new_file_waits_for_another_who_has_written_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA cache_size=1")
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE half (text)")
    other.executemany("INSERT INTO half VALUES (?)", [("x" * 1000,)] * 500)
    assert path.stat().st_size > 0
    release = threading.Timer(0.2, other.close)
    release.start()
    async with SqlRegistry({"path": path}) as registry:
        assert (await registry.record(ROOT)).point == ROOT
    release.join()


@pytest.mark.parametrize("begun", [False, True], ids=["without its first page", "with its first page"])
async def test_a_registry_whose_creator_was_killed_is_created_by_the_next(tmp_path: Path, begun: bool) -> None:
    path = tmp_path / "registry.sqlite"
    _leave_half_a_write(path)
    if begun:
        with path.open("r+b") as file:
            file.write(b"SQLite format 3\x00")
    async with SqlRegistry({"path": path}) as registry:
        assert (await registry.record(ROOT)).point == ROOT
        assert await registry.check() == []


async def test_a_registry_whose_creator_was_killed_is_not_there_for_who_only_looks(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    _leave_half_a_write(path)
    assert "there is no registry" in await _refused(path, create=False)


async def test_what_was_committed_is_there_after_a_process_was_killed_while_it_wrote_over_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    point = Point.parse("localhost")
    async with SqlRegistry({"path": path}) as registry:
        await registry.register(Registration(point, Kind("Space"), HYPERUSER))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    _leave_half_a_write(path)
    async with SqlRegistry({"path": path}) as registry:
        assert (await registry.record(point)).point == point
        assert await registry.check() == []


async def test_zeros_beside_some_other_journal_are_left_alone(tmp_path: Path) -> None:
    path, journal = tmp_path / "registry.sqlite", tmp_path / "registry.sqlite-journal"
    path.write_bytes(bytes(10_000))
    journal.write_text("Dear diary")
    assert "not a SQLite database" in await _refused(path)
    assert (path.read_bytes(), journal.read_text()) == (bytes(10_000), "Dear diary")


async def test_a_connection_waits_for_a_process_that_just_opens_or_closes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": path}):
        pass
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.2, holder.close)
    release.start()
    for writes in (True, False):
        connection = SqliteConnection(path, writes=writes)
        await connection.open()
        await connection.close()
    release.join()


async def test_another_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    before = path.read_bytes()
    assert "not a registry" in await _refused(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all", b"x" * 100_000])
async def test_another_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "registry.sqlite"
    path.write_bytes(content)
    assert "not a SQLite database" in await _refused(path)
    assert path.read_bytes() == content


async def test_a_damaged_registry_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": path}):
        pass
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    assert "malformed" in await _refused(path)


async def test_a_folder_is_no_registry(tmp_path: Path) -> None:
    assert "not a file" in await _refused(tmp_path)


async def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Nothing is closed to root but what the kernel makes up itself.
        folder = Path("/proc/self")
    else:
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o500)
    assert "cannot be used" in await _refused(folder / "registry.sqlite")


async def test_a_registry_that_is_only_looked_at_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    assert "there is no registry" in await _refused(path, create=False)
    assert not path.exists()


async def test_a_closed_registry_answers_nothing(tmp_path: Path) -> None:
    async with SqlRegistry({"path": tmp_path / "registry.sqlite"}) as registry:
        pass
    with pytest.raises(Unavailable, match="closed"):
        await registry.record(ROOT)
    with pytest.raises(Unavailable, match="closed"):
        await registry.register(Registration(Point.parse("localhost"), Kind("Space"), HYPERUSER))
    with pytest.raises(Unavailable, match="closed"):
        await registry.changes(0, timeout=1)


async def test_a_url_names_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"url": f"sqlite:///{path}", "synchronous": "full"}):
        assert path.exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "either a path or a url"),
        ({"path": "a", "url": "sqlite:///a"}, "either a path or a url"),
        ({"url": "mysql://somewhere"}, "begins with sqlite:///"),
        ({"url": "postgresql://somewhere/x"}, 'leave out `driver = "sql"`'),
        ({"url": "sqlite:///"}, "names a file"),
        ({"path": ":memory:"}, "memory"),
        ({"path": "a", "feeed": 5}, "did you mean 'feed'"),
        ({"path": "a", "feed": 0}, "at least 1"),
        ({"path": "a", "feed": True}, "number of entries"),
        ({"path": 5}, "path of a file"),
        ({"path": "a", "synchronous": "OFF"}, "NORMAL or FULL"),
        ({"path": "a", "create": "yes"}, "true or false"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SqlRegistry(settings)


def test_all_faults_of_the_settings_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        SqlRegistry({"feed": "many", "create": 1, "size": 5})
    assert len(caught.value.faults) == 4


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody may enter, of a process that hides nothing from others."""
    tmp_path.chmod(0o755)
    umask = os.umask(0o022)
    yield tmp_path
    os.umask(umask)


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.parametrize(("before", "after"), [(None, 0o600), (0o644, 0o600), (0o664, 0o660), (0o600, 0o600)])
async def test_the_files_of_a_registry_are_closed_to_others(open_folder: Path, before: int | None, after: int) -> None:
    file = open_folder / "registry.sqlite"
    if before is not None:
        async with SqlRegistry({"path": file}):
            pass
        os.chmod(file, before)  # noqa: PTH101 - a test of one file waits for nothing
    async with SqlRegistry({"path": file}) as registry:
        await registry.revision()
        modes = _modes(open_folder)
    assert modes == dict.fromkeys(("registry.sqlite", "registry.sqlite-wal", "registry.sqlite-shm"), after)
