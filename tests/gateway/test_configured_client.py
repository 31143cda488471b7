"""A client without a data directory finds the machine that the `hyperverse` command finds from the same folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from hyperverse_core import Client, Machine
from hyperverse_core.cli.group import root
from hyperverse_core.errors import ConfigError

Place = Callable[[Path, Path, pytest.MonkeyPatch], None]


def _project_file(folder: Path, data_dir: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "hyperverse.toml").write_text(f'data_dir = "{data_dir}"\n')


def _pyproject(folder: Path, data_dir: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "pyproject.toml").write_text(f'[tool.hyperverse]\ndata_dir = "{data_dir}"\n')


def _relative(folder: Path, data_dir: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "store").symlink_to(data_dir)
    (folder / "hyperverse.toml").write_text('data_dir = "store"\n')


def _variable(_: Path, data_dir: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("HYPERVERSE__DATA_DIR", str(data_dir))


def _user_file(folder: Path, data_dir: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    (folder / "config" / "hyperverse").mkdir(parents=True)
    (folder / "config" / "hyperverse" / "hyperverse.toml").write_text(f'data_dir = "{data_dir}"\n')


@pytest.mark.parametrize("place", [_project_file, _pyproject, _relative, _variable, _user_file])
async def test_a_client_finds_the_machine_that_the_command_finds(
    place: Place, machine: Machine, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project" / "src"
    folder.mkdir(parents=True)
    place(folder.parent, data_dir, monkeypatch)
    monkeypatch.chdir(folder)
    shown = CliRunner().invoke(root, ["config", "show"], catch_exceptions=False).stdout
    assert str(data_dir) in shown or str(folder.parent / "store") in shown
    async with Client.connect() as client:
        assert client.machine == machine.name


async def test_a_wrong_configuration_is_told_and_a_given_directory_needs_none(
    machine: Machine, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hyperverse.toml").write_text('data_dri = "x"\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="data_dri"):
        Client.connect()
    async with Client.connect(data_dir) as client:
        assert client.machine == machine.name
