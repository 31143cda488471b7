"""Whatever the umask, the files of a machine are its owner's alone; what others could have put there is not used."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from patience import START

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]
_WITH_UMASK = "import os, runpy, sys; os.umask(0o000); runpy.run_module('hyperverse_core.cli', run_name='__main__')"


def _up(home: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Starts a machine where everything that is created would be open to everybody."""
    return subprocess.run(
        [sys.executable, "-c", _WITH_UMASK, "up", "--detach", *words],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=START,
    )


def _open_ones(folder: Path) -> list[str]:
    """What somebody else could enter, read or write."""
    found = [folder, *folder.rglob("*")]
    return [f"{stat.filemode(path.lstat().st_mode)} {path}" for path in found if path.lstat().st_mode & 0o077]


@pytest.mark.parametrize("before", [None, 0o755])
def test_everything_of_a_machine_is_its_owners_alone(
    home: Path, run: Run, environment: dict[str, str], before: int | None
) -> None:
    data = home / "data"
    if before is not None:
        data.mkdir()
        data.chmod(before)
    done = _up(home, environment, "--data-dir", "data")
    assert done.returncode == 0, done.stderr
    try:
        assert run("exec", "create localhost<Space>", "--data-dir", "data").returncode == 0
        assert run("registry", "backup", "copy.sqlite", "--data-dir", "data").returncode == 0
        found = _open_ones(data) + _open_ones(home / "copy.sqlite")
        assert [line for line in found if not line.endswith(str(data))] == []
    finally:
        run("down", "--data-dir", "data")


@pytest.mark.parametrize("name", ["", "keys", "machines", "machines/local"])
@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_directory_that_others_can_write_is_refused_with_what_mends_it(
    home: Path, run: Run, name: str, mode: int
) -> None:
    data = home / "data"
    folder = data / name
    folder.mkdir(parents=True, mode=0o700)
    folder.chmod(mode)
    os.chown(folder, -1, 4321) if os.geteuid() == 0 else None
    done = run("up", "--detach", "--data-dir", "data")
    assert done.returncode == 2, done.stderr
    assert "can write" in done.stderr and str(folder) in done.stderr
    assert f"chmod go-w {folder}" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to somebody else")
def test_a_directory_of_somebody_else_is_refused(home: Path, run: Run) -> None:
    data = home / "data"
    data.mkdir(mode=0o700)
    os.chown(data, 12345, -1)
    done = run("up", "--detach", "--data-dir", "data")
    assert done.returncode == 2, done.stderr
    assert "belongs to the user" in done.stderr and "chown" in done.stderr


def test_a_token_that_others_can_write_is_refused(home: Path, run: Run) -> None:
    data = home / "data"
    data.mkdir(mode=0o700)
    (data / "token").write_text("chosen-by-somebody\n")
    (data / "token").chmod(0o666)
    done = run("up", "--detach", "--data-dir", "data", "--json")
    assert done.returncode == 2, done.stderr
    assert f"chmod 600 {data / 'token'}" in done.stderr
    assert "chosen-by-somebody" not in done.stderr + json.dumps(done.stdout)
