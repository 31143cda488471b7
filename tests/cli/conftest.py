"""Runs the real program in a process of its own, with a home of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from patience import LEASE, START

Run = Callable[..., subprocess.CompletedProcess[str]]
_NUMBERS = itertools.count(1)


COUNTER = """
import attrs
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl


@attrs.define
class Counter(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        await ctx.save()
        return self.value


class CounterDriver(Driver):
    kind = KindDef("Counter", doc="A durable counter")
    particle = Counter


@hookimpl
def hyperverse_register_drivers(register):
    register(CounterDriver)
"""


def program(home: Path, **settings: str) -> Run:
    """``run("plugins", "list")`` runs ``hyperverse plugins list`` in ``home``, with ``settings`` in its environment."""

    def run(*args: str, env: dict[str, str] | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hyperverse_core.cli", *args],
            cwd=home,
            env={**variables(home), **settings, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=START,
        )

    return run


def variables(home: Path) -> dict[str, str]:
    """The environment of the program. The cache is elsewhere: what is written there must not touch the folder that
    is on the import path."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HYPERVERSE", "XDG_"))}
    cache = str(home.with_name(home.name + "-cache"))
    own = {"HOME": str(home), "XDG_CACHE_HOME": cache, "NO_COLOR": "1", "COLUMNS": "100"}
    return {**kept, **own}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder in which commands run, with nothing upward that could be found."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """The variables of the program."""
    return variables(home)


@pytest.fixture
def settings() -> dict[str, str]:
    """Variables that set what a test is not about."""
    return {}


@pytest.fixture
def run(home: Path, settings: dict[str, str]) -> Run:
    """The program, in the test's own home."""
    return program(home, **settings)


def detached(home: Path, plugin: str = COUNTER, **settings: str) -> Iterator[dict[str, Any]]:
    """A detached machine on ``home/.hyperverse`` with a local plugin, so that commands find it without an option.
    ``settings`` are variables of its environment."""
    (home / ".hyperverse").mkdir()
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text(plugin)
    run = program(home, HYPERVERSE__LEASE=str(LEASE), **settings)
    done = run("up", "--detach", "--json")
    assert done.returncode == 0, done.stderr
    status: dict[str, Any] = json.loads(done.stdout)
    yield status
    run("down")
    with contextlib.suppress(OSError):
        if b"hyperverse_core.cli" in Path(f"/proc/{status['pid']}/cmdline").read_bytes():
            os.kill(status["pid"], signal.SIGKILL)  # down has not helped


@pytest.fixture
def background(home: Path) -> Iterator[dict[str, Any]]:
    """A detached machine that the test may stop or kill; its status."""
    yield from detached(home)


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the machine runs that many tests share."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def shared(shared_home: Path) -> Iterator[dict[str, Any]]:
    """A machine that many tests share; its status."""
    yield from detached(shared_home)


@pytest.fixture
def talk(shared: dict[str, Any], shared_home: Path) -> Run:
    """The program, where the shared machine runs."""
    return program(shared_home)


@pytest.fixture
def space(talk: Run) -> str:
    """A Space of the test's own on the shared machine."""
    done = talk("exec", f"create space{next(_NUMBERS)}<Space>")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
