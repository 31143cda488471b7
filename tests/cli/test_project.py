"""A project: `hyperverse init`, and commands below a folder of somebody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Run, variables
from inner_runs import run_pytest
from patience import START, SUITE

pytestmark = pytest.mark.thorough

FILES = ["hyperverse.toml", "hyperverse_local.py", "test_hyperverse_local.py", ".gitignore", "pytest.ini"]


def test_init_makes_a_project_whose_machine_runs_and_whose_test_passes(run: Run, home: Path) -> None:
    done = run("init", "p")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"wrote p: {', '.join(FILES)}, .hyperverse\n")
    tested = run_pytest(home / "p", "-v", env=variables(home), timeout=SUITE)
    assert tested.returncode == 0, tested.stdout


def test_the_data_of_a_project_stand_in_it_and_status_says_where(run: Run, home: Path) -> None:
    run("init", "p")
    (home / "p" / "sub").mkdir()
    below = _in(home / "p" / "sub", home)
    try:
        up = below("up", "--detach")
        assert up.returncode == 0, up.stderr
        assert f"\ndata: {home / 'p' / '.hyperverse'}\n" in below("status").stdout
        script = 'create localhost<Space>; create localhost:b<Guestbook>; ping localhost:b Ext<Sign> {"name": "Ada"}'
        done = below("exec", script)
        assert done.stdout.splitlines()[-1] == "1", done.stderr
        assert _in(home, home)("status").returncode == 3  # not that of the project
    finally:
        below("down")


def test_init_writes_nothing_where_one_of_its_files_exists(run: Run, home: Path) -> None:
    (home / "hyperverse_local.py").write_text("mine")
    done = run("init")
    assert done.returncode == 1
    assert "'hyperverse_local.py' already exists" in done.stderr
    assert [path.name for path in home.iterdir()] == ["hyperverse_local.py"]


def test_init_keeps_a_gitignore_and_the_settings_of_pytest(run: Run, home: Path) -> None:
    (home / ".gitignore").write_text("mine")
    (home / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    done = run("init", "--json")
    assert json.loads(done.stdout)["files"] == FILES[:3]
    assert (home / ".gitignore").read_text() == "mine"
    assert "asyncio_mode = auto" in done.stderr


def test_a_command_below_a_folder_of_others_runs_nothing_of_theirs(home: Path) -> None:
    theirs = home / "theirs"
    (theirs / "sub").mkdir(parents=True)
    (theirs / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (theirs / "hyperverse_local.py").write_text(f"open({str(home / 'ran')!r}, 'w')\n")
    theirs.chmod(0o777)
    for folder in (theirs, theirs / "sub"):
        there = _in(folder, home)
        for words in (["--help"], ["plugins", "list"], ["nothing"], ["status"], ["config", "show"]):
            done = there(*words)
            assert not (home / "ran").exists(), words
        assert f"'{theirs / 'hyperverse.toml'}' is passed over" in done.stderr


def test_a_detached_machine_imports_nothing_from_the_working_directory(home: Path) -> None:
    """`python -m` would look there first."""
    (home / "click.py").write_text(f"open({str(home / 'ran')!r}, 'w')\n")
    there = _in(home, home)
    try:
        done = there("up", "--detach")
        assert done.returncode == 0, done.stderr
        assert not (home / "ran").exists()
    finally:
        there("down")


def test_the_token_is_not_sent_to_a_planted_data_directory(home: Path) -> None:
    theirs = home / "theirs"
    planted = theirs / ".hyperverse" / "machines" / "local"
    planted.mkdir(parents=True)
    content = {"name": "local", "pid": os.getpid(), "address": "tcp://127.0.0.1:1", "door_key": "k", "protocol": 1}
    (planted / "control.json").write_text(json.dumps({**content, "transport": "zmq"}))
    theirs.chmod(0o777)
    done = _in(theirs, home)("exec", "ping localhost")
    assert done.returncode == 3
    assert "passed over" in done.stderr and f"no machine runs on '{home}" in done.stderr


def test_the_help_lists_the_commands_of_the_project_that_it_is_asked_in(home: Path) -> None:
    plugin = (
        "import click\nfrom hyperverse_core import hookimpl\nfrom hyperverse_core.commands import common\n"
        "@click.command()\n@common\ndef coo() -> None:\n    'Coo.'\n"
        "@hookimpl\ndef hyperverse_register_commands(register):\n    register('coo', coo)\n"
    )
    with_it, without = home / "with", home / "without"
    for folder in (with_it, without):
        folder.mkdir()
    (with_it / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (with_it / "hyperverse_local.py").write_text(plugin)
    for folder, expected in ((with_it, True), (without, False), (with_it, True)):
        assert ("coo" in _in(folder, home)("--help").stdout) is expected


def _in(folder: Path, home: Path) -> Run:
    """The installed program, run in a folder."""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "hyperverse_core.cli", *args],
            cwd=folder,
            env=variables(home),
            capture_output=True,
            text=True,
            timeout=START,
        )

    return run
