"""Checking, backups, and the commands for both."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hyperverse_core.errors import Conflict, Unavailable
from hyperverse_core.registry import Registration, StarRecord
from hyperverse_core.values import HYPERUSER, AccessGrant, Kind, Point, StarKey
from hyperverse_sql.commands import registry as command
from hyperverse_sql.registry import SqlRegistry
from patience import PATIENCE

_SPACE = Point.parse("localhost")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SqlRegistry]:
    """A registry with something of everything in it, in use."""
    async with SqlRegistry({"path": tmp_path / "registry.sqlite"}) as registry:
        await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER, state=b"state"))
        for name in ("a", "a:b", "a:b:c"):
            await registry.register(Registration(_SPACE.child(name), Kind("Base"), HYPERUSER))
        await registry.register(Registration(Point.parse("GLOBAL::executor"), Kind("Global"), HYPERUSER))
        star = await registry.announce(StarRecord(StarKey("kit", "fold"), "Fold", "kit"))
        await registry.assign(_SPACE, star.key, star.incarnation, None)
        await registry.grant(AccessGrant.parse("super on ** to ** by localhost"))
        yield registry


def _tamper(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / "registry.sqlite")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, words)
    return done.exit_code, done.output


async def test_a_sound_registry_has_no_faults(registry: SqlRegistry) -> None:
    assert await registry.check() == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM particles WHERE point = 'localhost:a'", "'localhost:a:b' has no parent"),
        ("DELETE FROM particles WHERE point = 'ROOT'", "the root is missing"),
        ("UPDATE particles SET kind = 'no kind' WHERE point = 'localhost:a'", "'localhost:a' cannot be read"),
        ("UPDATE particles SET depth = 7 WHERE point = 'localhost:a'", "wrong route or depth"),
        ("UPDATE particles SET properties = 'x' WHERE point = 'localhost:a'", "'localhost:a' cannot be read"),
        ("DELETE FROM stars", "'localhost' is assigned to an incarnation of 'STAR::kit:fold[0]'"),
        ("UPDATE stars SET incarnation = 0", "'localhost' is assigned to an incarnation of 'STAR::kit:fold[0]'"),
        ("UPDATE grants SET by_point = 'nobody'", "made by 'nobody', which does not exist"),
        ("INSERT INTO states VALUES (999, x'00')", "row 999 of states refers to a missing row"),
    ],
)
async def test_check_names_what_is_wrong(registry: SqlRegistry, tmp_path: Path, statement: str, said: str) -> None:
    _tamper(tmp_path, statement)
    assert [fault for fault in await registry.check() if said in fault]


async def test_a_backup_is_a_registry_with_the_same_in_it(registry: SqlRegistry, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    await registry.backup(target)
    assert [name for name in _names(tmp_path) if "copy" in name] == ["copy.sqlite"]
    async with SqlRegistry({"path": target, "create": False}) as copy:
        points = [_SPACE, _SPACE.child("a:b:c"), Point.parse("GLOBAL::executor")]
        assert await copy.records(points) == await registry.records(points)
        assert await copy.grants() == await registry.grants()
        assert await copy.load_state(_SPACE) == b"state"
        assert await copy.revision() == await registry.revision()
        assert await copy.check() == []


async def test_a_backup_is_of_one_moment_while_others_write(registry: SqlRegistry, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"

    async def write() -> None:
        for number in range(200):
            parent = _SPACE.child(f"p{number}")
            await registry.register(Registration(parent, Kind("Base"), HYPERUSER))
            await registry.register(Registration(parent.child("x"), Kind("Base"), HYPERUSER))

    writing = asyncio.ensure_future(write())
    await registry.backup(target)
    await writing
    async with SqlRegistry({"path": target, "create": False}) as copy:
        assert await copy.check() == []
        assert (await copy.changes(0, timeout=0)).revision == await copy.revision()


async def test_a_backup_replaces_nothing(registry: SqlRegistry, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    with pytest.raises(Conflict, match="precious"):
        await registry.backup(target)
    assert target.read_text() == "precious"


async def test_a_backup_that_cannot_be_written_says_so(registry: SqlRegistry, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        await registry.backup(tmp_path / "nowhere" / "copy.sqlite")


async def test_the_commands_work_while_the_registry_is_in_use(registry: SqlRegistry, tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path))
    code, said = await asyncio.to_thread(_run, *where, "check")
    assert (code, "in order" in said) == (0, True)
    code, said = await asyncio.to_thread(_run, "check", *where, "--json")
    assert (code, json.loads(said)["ok"]) == (0, True)
    target = tmp_path / "copy.sqlite"
    code, said = await asyncio.to_thread(_run, *where, "backup", str(target))
    assert (code, "copied" in said) == (0, True)
    await registry.register(Registration(_SPACE.child("later"), Kind("Base"), HYPERUSER))
    async with SqlRegistry({"path": target}) as copy:
        assert _SPACE.child("later") not in await copy.records([_SPACE.child("later")])
    code, said = await asyncio.to_thread(_run, *where, "backup", str(target))
    assert (code, "already" in said) == (1, True)


async def test_the_check_command_fails_when_something_is_wrong(registry: SqlRegistry, tmp_path: Path) -> None:
    _tamper(tmp_path, "DELETE FROM particles WHERE point = 'localhost:a'")
    code, said = await asyncio.to_thread(_run, "--data-dir", str(tmp_path), "check")
    assert (code, "no parent" in said) == (1, True)


def test_the_commands_create_no_registry(tmp_path: Path) -> None:
    code, said = _run("--data-dir", str(tmp_path), "check")
    assert (code, "there is no registry" in said) == (1, True)
    assert list(tmp_path.iterdir()) == []


async def test_the_log_is_small_again_after_many_writes(registry: SqlRegistry, tmp_path: Path) -> None:
    log = tmp_path / "registry.sqlite-wal"
    large = [Registration(_SPACE.child(f"n{n}"), Kind("Base"), HYPERUSER, state=bytes(2**18)) for n in range(40)]
    await asyncio.gather(*(registry.register(each) for each in large))  # one transaction: no checkpoint in between
    assert log.stat().st_size > 8 * 2**20
    number = 0
    async with asyncio.timeout(PATIENCE):
        while log.stat().st_size > 2 * 2**20:
            number += 1
            await registry.register(Registration(_SPACE.child(f"m{number}"), Kind("Base"), HYPERUSER))
            await asyncio.sleep(0.05)
    assert await registry.check() == []
