"""``hyperverse registry`` looks at the registry that a machine with the same config opens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def elsewhere(run: Run, home: Path) -> Iterator[Path]:
    """The file of a registry that a running machine keeps apart from its data directory."""
    file = home / "apart" / "all.sqlite"
    (home / "own.toml").write_text(f'[registry]\npath = "{file}"\nsynchronous = "FULL"\n')
    done = run("up", "--detach", "--json", "--config", "own.toml", "--data-dir", "data")
    assert done.returncode == 0, done.stderr
    try:
        assert run("exec", "create localhost<Space>", "--data-dir", "data").returncode == 0
        yield file
    finally:
        run("down", "--data-dir", "data")
        with contextlib.suppress(OSError):
            os.kill(json.loads(done.stdout)["pid"], signal.SIGKILL)  # down has not helped


def test_check_and_backup_take_the_registry_of_the_config(run: Run, home: Path, elsewhere: Path) -> None:
    options = ("--config", "own.toml", "--data-dir", "data", "--json")
    done = run("registry", "check", *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"file": str(elsewhere), "ok": True, "faults": []}
    done = run("registry", "backup", "copy.sqlite", *options)
    assert json.loads(done.stdout) == {"file": str(elsewhere), "copy": "copy.sqlite"}
    assert run("down", "--data-dir", "data").returncode == 0
    (home / "own.toml").write_text(f'[registry]\nurl = "sqlite:///{home / "copy.sqlite"}"\n')
    assert run("registry", "check", *options).returncode == 0
    assert not (home / "data" / "registry.sqlite").exists()


def test_the_project_file_is_found_as_a_machine_finds_it(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text(f'[registry]\npath = "{home / "nowhere.sqlite"}"\n')
    done = run("registry", "check")
    assert done.returncode == 2
    assert f"there is no registry '{home / 'nowhere.sqlite'}'" in done.stderr
    assert not (home / "nowhere.sqlite").exists()


@pytest.mark.parametrize("args", [["check"], ["backup", "copy"]])
def test_the_registry_of_another_plugin_is_not_theirs(run: Run, home: Path, args: list[str]) -> None:
    (home / "hyperverse.toml").write_text('[registry]\ndriver = "paper"\n')
    done = run("registry", *args)
    assert done.returncode == 2
    assert "the config selects the registry 'paper'" in done.stderr


def test_settings_that_are_wrong_are_all_told(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text("[registry]\nfeed = 0\nsynchronus = 1\n")
    done = run("registry", "check")
    assert done.returncode == 2
    assert [line for line in ("no setting 'synchronus'", "feed of the sql registry cannot be 0") if line in done.stderr]
    assert done.stderr == run("up").stderr
