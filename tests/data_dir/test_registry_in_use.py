"""A typing error in the path of the registry does not begin an empty one beside that which was in use."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from hyperverse_core.config import Choice, Config, Control
from hyperverse_core.errors import ConfigError, HyperverseError
from hyperverse_core.fabric.machine import Machine


async def _run(data_dir: Path, **registry: object) -> None:
    config = Config(name="alpha", data_dir=data_dir, control=Control(enabled=False), registry=Choice("sql", registry))
    async with Machine(config):
        pass


async def test_another_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await _run(data, path=str(tmp_path / "registry.sqlite"))
    with pytest.raises(ConfigError, match="this data directory was used with") as caught:
        await _run(data, path=str(tmp_path / "regsitry.sqlite"))
    assert "registry.sqlite'" in caught.value.message
    assert "create = true" in caught.value.hint
    assert not (tmp_path / "regsitry.sqlite").exists()
    with pytest.raises(ConfigError, match="used with"):
        await _run(data, url=f"sqlite:///{tmp_path / 'regsitry.sqlite'}")
    with pytest.raises(ConfigError, match="used with"):
        await _run(data)
    await _run(data, path=str(tmp_path / "registry.sqlite"))


async def test_a_registry_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    await _run(tmp_path)
    (tmp_path / "registry.sqlite").rename(tmp_path / "away.sqlite")
    with pytest.raises(ConfigError, match="is gone"):
        await _run(tmp_path)
    (tmp_path / "away.sqlite").rename(tmp_path / "registry.sqlite")
    await _run(tmp_path)


async def test_an_empty_one_can_be_asked_for(tmp_path: Path) -> None:
    await _run(tmp_path)
    await _run(tmp_path, path=str(tmp_path / "new.sqlite"), create=True)
    await _run(tmp_path, path=str(tmp_path / "new.sqlite"))
    with pytest.raises(ConfigError, match=r"new\.sqlite"):
        await _run(tmp_path, path=str(tmp_path / "newer.sqlite"))


async def test_another_registry_that_exists_is_taken(tmp_path: Path) -> None:
    await _run(tmp_path / "one")
    await _run(tmp_path / "two")
    await _run(tmp_path / "one", path=str(tmp_path / "two" / "registry.sqlite"))


async def test_a_data_directory_may_be_moved(tmp_path: Path) -> None:
    await _run(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    await _run(tmp_path / "two")
    (tmp_path / "two" / "registry.sqlite").unlink()
    with pytest.raises(ConfigError, match="is gone"):
        await _run(tmp_path / "two")


async def test_a_data_directory_of_an_older_version_counts(tmp_path: Path) -> None:
    await _run(tmp_path)
    (tmp_path / "registry-in-use").unlink()
    with pytest.raises(ConfigError, match="used with"):
        await _run(tmp_path, path=str(tmp_path / "other.sqlite"))


async def test_a_registry_that_was_emptied_is_not_begun_anew(tmp_path: Path) -> None:
    await _run(tmp_path)
    file = tmp_path / "registry.sqlite"
    file.write_bytes(b"")
    with pytest.raises(ConfigError, match="is gone"):
        await _run(tmp_path)
    with contextlib.closing(sqlite3.connect(file)) as connection:  # as it is when the log beside it is lost
        connection.execute("PRAGMA journal_mode = WAL")
    assert file.stat().st_size > 0
    with pytest.raises(ConfigError, match="is empty"):
        await _run(tmp_path)
    await _run(tmp_path, create=True)


async def test_what_is_no_registry_is_named_as_that(tmp_path: Path) -> None:
    await _run(tmp_path)
    (tmp_path / "registry.sqlite").write_bytes(b"x")
    with pytest.raises(HyperverseError, match="is not a SQLite database"):
        await _run(tmp_path)
