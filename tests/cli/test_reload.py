"""`hyperverse up --reload`: a changed plugin file is used at once, and states are kept."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.conftest import COUNTER, Run, variables
from patience import START

pytestmark = pytest.mark.thorough


@pytest.fixture
def reloading(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A machine in a project that is started again when the plugin changes."""
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text(COUNTER)
    words = [sys.executable, "-m", "hyperverse_core.cli", "up", "--reload"]
    with subprocess.Popen(
        words, cwd=home, env=variables(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline().startswith("ready: ")
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(START)


def until(act: Callable[[], bool]) -> None:
    end = time.monotonic() + START
    while not act():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_changed_plugin_is_used_and_states_are_kept(run: Run, home: Path, reloading: subprocess.Popen[str]) -> None:
    assert run("exec", "create localhost<Space>; create localhost:hits<Counter>").returncode == 0
    assert run("exec", "ping localhost:hits Ext<Add> 3").stdout == "3\n"
    file = home / "hyperverse_local.py"
    file.write_text(COUNTER + "\nthis is no Python\n")  # the machine goes on as it was
    time.sleep(1.0)
    assert run("exec", "ping localhost:hits Ext<Add>").stdout == "4\n"
    file.write_text(COUNTER.replace("self.value += by", "self.value += by * 10"))
    assert reloading.stdout is not None
    assert reloading.stdout.readline().startswith("ready: ")
    until(lambda: run("exec", "ping localhost:hits Ext<Add>").stdout == "14\n")
    reloading.send_signal(signal.SIGINT)
    assert reloading.wait(START) == 0
    assert reloading.stderr is not None
    told = reloading.stderr.read()
    assert "hyperverse_local.py, line" in told and "the machine continues unchanged" in told
    assert "hyperverse_local.py changed: starting the machine again" in told
    assert run("status").returncode == 3


@pytest.mark.parametrize("more", [[], ["--detach"], ["--machines", "2"]])
def test_it_is_for_one_machine_with_a_local_plugin(run: Run, home: Path, more: list[str]) -> None:
    if more:
        (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
        (home / "hyperverse_local.py").write_text(COUNTER)
    done = run("up", "--reload", *more)
    assert done.returncode == 2 and "--reload" in done.stderr
