"""`hyperverse new` writes plugins of every sort: each is generated and installed, and its kit is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Run
from inner_runs import run_pytest
from patience import SUITE

pytestmark = pytest.mark.thorough

REGISTERS = {
    "driver": {"driver": ["MyThing"]},
    "policy": {"policy": ["my-thing"]},
    "registry": {"registry": ["my-thing"]},
    "transport": {"transport": ["my-thing"]},
    "placement": {"placement": ["my-thing"]},
    "command": {"command": ["my-thing"]},
    "observer": {"observer": ["MyThingObserver"]},
    "application": {"driver": ["MyThing", "MyThingDesk"]},
}


@pytest.fixture(scope="session")
def types_kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mypy keeps what it has found out about the core: each new plugin needs that, and it takes ten seconds. All
    processes of a run share it."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "types"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("sort", REGISTERS)
def test_a_new_plugin_installs_and_passes_its_kit(
    run: Run, home: Path, environment: dict[str, str], tmp_path: Path, types_kept: Path, sort: str
) -> None:
    written = json.loads(run("new", sort, "my-thing", "--json").stdout)
    assert written["sort"] == sort and "hyperverse_my_thing/__init__.py" in written["files"]
    folder, site = home / "hyperverse-my-thing", tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    _check([*pip, "--target", str(site), str(folder)], folder, environment)
    listed = json.loads(run("plugins", "show", "my-thing", "--json", env={"PYTHONPATH": str(site)}).stdout)
    assert (listed["state"], listed["registers"]) == ("ok", REGISTERS[sort])
    assert run("plugins", "check", env={"PYTHONPATH": str(site)}).returncode == 0
    tested = run_pytest(folder, "-v", env={**environment, "PYTHONPATH": str(site)}, timeout=SUITE)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(types_kept)]
    _check([*mypy, "hyperverse_my_thing"], folder, environment, site)


def test_the_first_particles_of_an_application_are_in_its_script(
    run: Run, home: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    run("new", "application", "queue")
    folder = home / "hyperverse-queue"
    program = [sys.executable, "-m", "hyperverse_core.cli"]
    info = folder / "queue-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: queue\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[hyperverse]\nqueue = hyperverse_queue\n")
    try:
        _check([*program, "up", "--detach"], folder, environment, folder)
        _check([*program, "exec", "-f", "setup.hv"], folder, environment, folder)
        _check([*program, "exec", "ping localhost:hall:desk Ext<Next>"], folder, environment, folder)
    finally:
        _check([*program, "down"], folder, environment, folder)


@pytest.mark.parametrize(
    ("sort", "name"), [("policy", "grants"), ("registry", "sql"), ("placement", "spread"), ("command", "up")]
)
def test_a_name_that_is_taken_is_refused(run: Run, home: Path, sort: str, name: str) -> None:
    done = run("new", sort, name)
    assert done.returncode == 1 and "choose another name" in done.stderr
    assert list(home.iterdir()) == []


def test_new_driver_refuses_a_folder_that_has_something_in_it(run: Run, home: Path) -> None:
    (home / "hyperverse-my-thing").mkdir()
    (home / "hyperverse-my-thing" / "x").touch()
    done = run("new", "driver", "my-thing")
    assert done.returncode == 1
    assert "is not empty" in done.stderr


def test_new_driver_refuses_a_name_that_is_none(run: Run) -> None:
    assert "such as my-thing" in run("new", "driver", "My Thing").stderr


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("zmq", "comes with the platform"),
        ("core", "comes with the platform"),
        ("local", "comes with the platform"),
        ("user-base", "the Kind 'UserBase' already exists"),
        ("space", "the Kind 'Space' already exists"),
    ],
)
def test_new_driver_refuses_names_that_are_taken(run: Run, home: Path, name: str, why: str) -> None:
    done = run("new", "driver", name)
    assert (done.returncode, why in done.stderr, "internal error" in done.stderr) == (1, True, False)
    assert list(home.iterdir()) == []


def test_new_driver_refuses_the_name_of_an_installed_package(run: Run, home: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "hyperverse_taken").mkdir(parents=True)
    (site / "hyperverse_taken" / "__init__.py").touch()
    info = site / "hyperverse_bare-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hyperverse-bare\nVersion: 1.0\n")
    for name in ("taken", "bare"):
        done = run("new", "driver", name, env={"PYTHONPATH": str(site)})
        assert (done.returncode, "is already installed" in done.stderr) == (1, True), done.stderr


def _check(command: list[str], folder: Path, env: dict[str, str], site: Path | None = None) -> None:
    env = {**env, "PYTHONPATH": str(site)} if site is not None else env
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
