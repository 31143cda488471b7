"""A registry whose file was moved, deleted or replaced acknowledges nothing, says so, and goes on when it is back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from hyperverse_core.errors import ConfigError, Unavailable
from hyperverse_core.registry import Status
from hyperverse_core.values import ROOT
from hyperverse_sql.engine.sqlite.database import SqliteDatabase
from hyperverse_sql.registry import SqlRegistry


def _moved(file: Path) -> None:
    file.rename(file.with_name("elsewhere.sqlite"))


def _moved_and_linked(file: Path) -> None:
    _moved(file)
    file.symlink_to(file.with_name("elsewhere.sqlite"))


def _copied_over(file: Path) -> None:
    shutil.copy(file, file.with_name("copy.sqlite"))
    file.with_name("copy.sqlite").replace(file)


def _folder_moved(file: Path) -> None:
    file.parent.rename(file.parent.with_name("away"))


def _without_log(file: Path) -> None:
    file.with_name(file.name + "-wal").unlink()


def _without_index(file: Path) -> None:
    file.with_name(file.name + "-shm").unlink()


@pytest.mark.parametrize(
    "lose", [_moved, Path.unlink, _moved_and_linked, _copied_over, _folder_moved, _without_log, _without_index]
)
async def test_nothing_is_acknowledged_that_could_not_be_found_again(
    tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    file = tmp_path / "d" / "registry.sqlite"
    async with SqlRegistry({"path": file}) as registry:
        await registry.set_status(ROOT, Status.READY)
        assert registry.trouble() == ""
        lose(file)
        assert "while this machine ran" in registry.trouble()
        with pytest.raises(Unavailable, match="nothing was written"):
            await registry.set_status(ROOT, Status.PANIC)
        assert (await registry.record(ROOT)).status is Status.READY


async def test_it_goes_on_when_the_file_is_back(tmp_path: Path) -> None:
    file = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": file}) as registry:
        _moved(file)
        with pytest.raises(Unavailable):
            await registry.set_status(ROOT, Status.PANIC)
        file.with_name("elsewhere.sqlite").rename(file)
        assert registry.trouble() == ""
        await registry.set_status(ROOT, Status.PANIC)
        assert (await registry.record(ROOT)).status is Status.PANIC


async def test_a_registry_behind_a_link_is_in_its_place(tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite"
    link.symlink_to(tmp_path / "registry.sqlite")
    async with SqlRegistry({"path": link}) as registry:
        await registry.set_status(ROOT, Status.READY)
        assert registry.trouble() == ""
        link.unlink()
        link.symlink_to(tmp_path / "other.sqlite")
        with pytest.raises(Unavailable, match=r"link\.sqlite"):
            await registry.set_status(ROOT, Status.PANIC)


async def test_a_registry_that_is_locked_names_the_cause_until_it_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hyperverse_sql.engine.sqlite.connection.BUSY_TIMEOUT", 0.1)
    file = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": file}) as registry:
        held = sqlite3.connect(file, isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await registry.set_status(ROOT, Status.READY)
        assert "was locked" in registry.trouble()
        assert "no write has succeeded for" in registry.trouble()
        held.execute("ROLLBACK")
        held.close()
        await registry.set_status(ROOT, Status.READY)
        assert registry.trouble() == ""


async def test_the_log_of_a_registry_that_was_moved_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hyperverse_sql.engine.sqlite.checkpoint._CHECKPOINT_FROM", 0)
    file, away = tmp_path / "registry.sqlite", tmp_path / "away.sqlite"
    async with SqlRegistry({"path": file}) as registry:
        await registry.set_status(ROOT, Status.PANIC)
        file.rename(away)
        with pytest.raises(ConfigError, match="its log"):
            await SqlRegistry({"path": file}).open()
        with pytest.raises(sa.exc.OperationalError):
            await SqliteDatabase(file).maintain()  # as if it were moved just before
        assert not file.exists()
        assert file.with_name("registry.sqlite-wal").stat().st_size > 0
        away.rename(file)
        async with SqlRegistry({"path": file}) as other:
            assert (await other.record(ROOT)).status is Status.PANIC
