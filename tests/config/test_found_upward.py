"""What is found upward is used only if nobody else could have put it there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperverse_core.config import default_data_dir, load_config
from hyperverse_core.errors import ConfigError

SOMEBODY = 54321


def _anybody_may_write(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o002)


def _a_group_may_write(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o020)
    if os.geteuid() == 0:
        os.chown(path, 0, SOMEBODY)


def _belongs_to_somebody(path: Path) -> None:
    os.chown(path, SOMEBODY, -1)


SPOILS = [_anybody_may_write, *([_a_group_may_write, _belongs_to_somebody] if os.geteuid() == 0 else [])]


@pytest.fixture(autouse=True)
def user_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a config, a data directory, a plugin file, and a folder below it."""
    folder = tmp_path / "project"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / ".hyperverse").mkdir()
    (folder / "hyperverse.toml").write_text('name = "found"\n[plugins]\nlocal = true\n')
    (folder / "hyperverse_local.py").write_text("")
    return folder


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("what", [".", "hyperverse.toml", "a", "a/b"])
def test_a_config_that_others_could_have_put_there_is_passed_over(
    project: Path, spoil: Callable[[Path], None], what: str
) -> None:
    spoil(project / what)
    loaded = load_config(start=project / "a" / "b", environ={})
    assert loaded.config.name == "local" and loaded.project is None
    assert str(project / what) in loaded.passed_over[0]


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("what", [".", ".hyperverse", "a"])
def test_so_is_a_data_directory(project: Path, spoil: Callable[[Path], None], what: str, tmp_path: Path) -> None:
    (project / "hyperverse.toml").unlink()
    spoil(project / what)
    loaded = load_config(start=project / "a" / "b", environ={})
    assert loaded.config.data_dir == tmp_path / "data" / "hyperverse"
    assert str(project / ".hyperverse") in loaded.passed_over[0]
    assert default_data_dir(project / "a" / "b") == tmp_path / "data" / "hyperverse"


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_data_directory_beside_the_config_must_be_private_too(project: Path, spoil: Callable[[Path], None]) -> None:
    spoil(project / ".hyperverse")
    with pytest.raises(ConfigError, match="is not used"):
        load_config(start=project, environ={})


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("asked_for_by", ["the project", "the environment"])
def test_a_plugin_file_that_others_could_have_written_is_not_imported(
    project: Path, spoil: Callable[[Path], None], asked_for_by: str
) -> None:
    environ = {}
    if asked_for_by == "the environment":
        (project / "hyperverse.toml").unlink()
        environ = {"HYPERVERSE__PLUGINS__LOCAL": "true"}
    spoil(project / "hyperverse_local.py")
    with pytest.raises(ConfigError, match="is not imported"):
        load_config(start=project, environ=environ)


def test_a_plugin_file_in_a_folder_of_somebody_else_is_not_imported(project: Path) -> None:
    """The user's own configuration asks for local plugins, wherever a command is run."""
    (project / "hyperverse.toml").unlink()
    _anybody_may_write(project)
    with pytest.raises(ConfigError, match="is not imported"):
        load_config(start=project, environ={"HYPERVERSE__PLUGINS__LOCAL": "true"})


def test_a_link_counts_as_what_it_leads_to(project: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (project / "hyperverse.toml").rename(shared / "their.toml")
    (project / "hyperverse.toml").symlink_to(shared / "their.toml")
    assert load_config(start=project, environ={}).config.name == "found"
    _anybody_may_write(shared)
    assert load_config(start=project, environ={}).config.name == "local"


def test_a_file_that_the_user_names_is_used_whoever_can_write_it(project: Path) -> None:
    for path in (project, project / "hyperverse.toml", project / "hyperverse_local.py"):
        _anybody_may_write(path)
    loaded = load_config(project / "hyperverse.toml", start=project, environ={})
    assert loaded.config.name == "found" and not loaded.passed_over


def test_data_stand_beside_the_config_that_was_found(project: Path) -> None:
    below = project / "a" / "b"
    (below / ".hyperverse").mkdir()
    for config_exists in (True, False):
        expected = (project if config_exists else below) / ".hyperverse"
        assert load_config(start=below, environ={}).config.data_dir == expected
        assert default_data_dir(below) == expected
        (project / "hyperverse.toml").unlink(missing_ok=True)


def test_two_projects_have_two_data_directories(tmp_path: Path) -> None:
    found = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text("[tool.hyperverse]\n")
        found.add(load_config(start=tmp_path / name, environ={}).config.data_dir)
    assert found == {tmp_path / "one" / ".hyperverse", tmp_path / "two" / ".hyperverse"}
