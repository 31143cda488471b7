"""A machine in a process of its own: what it says of itself, how it stops, and what keeps it from starting."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from patience import LEASE, until_sync

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_status_has_pid_and_state(talk: Run, shared: dict[str, Any]) -> None:
    status = json.loads(talk("status", "--json").stdout)
    assert (status["pid"], status["state"]) == (shared["pid"], "Ready")
    assert "machine local: Ready" in talk("status").stdout


def test_a_second_machine_of_the_name_is_refused_in_one_line(talk: Run) -> None:
    done = talk("up", "--detach")
    assert done.returncode == 1
    assert "runs on" in done.stderr and "hint: " in done.stderr
    assert talk("status").returncode == 0


def test_stars_and_kinds_say_what_is_promised(talk: Run, shared: dict[str, Any]) -> None:
    stars = json.loads(talk("stars", "--json").stdout)
    assert len(stars) == 8
    assert all({"star", "kind", "machine", "pid", "particles"} <= star.keys() for star in stars)
    assert {star["pid"] for star in stars} == {shared["pid"]}
    lanes = {(star["star"], end) for star in stars for end in star["lanes"]}
    assert ("STAR::central:nexus[0]", "STAR::central:super[0]") in lanes
    assert lanes == {(end, star) for star, end in lanes}, "a lane has two ends"
    kinds = {kind["kind"]: kind for kind in json.loads(talk("kinds", "--json").stdout)}
    assert kinds["Counter"]["plugin"] == "local"
    assert "Counter" in talk("kinds").stdout and "Fold" in talk("stars", "--wide").stdout


def test_logs_reads_a_detached_machine(talk: Run) -> None:
    assert "machine local is ready" in talk("logs", "-n", "100000").stdout


def test_the_registry_is_checked_and_backed_up_while_it_is_in_use(talk: Run, tmp_path: Path) -> None:
    assert json.loads(talk("registry", "check", "--json").stdout)["ok"]
    assert talk("registry", "backup", str(tmp_path / "copy.sqlite")).returncode == 0
    again = talk("registry", "backup", str(tmp_path / "copy.sqlite"))
    assert (again.returncode, "hint: " in again.stderr) == (1, True)


def test_down_stops_gracefully_and_waits(run: Run, background: dict[str, Any]) -> None:
    done = run("down", "--json")
    assert json.loads(done.stdout) == {"stopped": [{"machine": "local", "pid": background["pid"]}]}
    assert "machine local has stopped" in run("logs").stdout
    assert run("status").returncode == 3


def test_down_stops_every_machine_of_the_data_directory(run: Run, home: Path) -> None:
    (home / ".hyperverse").mkdir()
    for name in ("a", "b"):
        assert run("up", "--detach", "--name", name).returncode == 0
    assert {star["machine"] for star in json.loads(run("stars", "--json").stdout)} == {"a", "b"}
    assert "add --name, one of a, b" in run("logs").stderr
    assert "machine b is ready" in run("logs", "--name", "b").stdout
    stopped = json.loads(run("down", "--json").stdout)["stopped"]
    assert [machine["machine"] for machine in stopped] == ["a", "b"]


@pytest.fixture
def settings() -> dict[str, str]:
    """Machines keep their stars on a busy computer."""
    return {"HYPERVERSE__LEASE": str(LEASE)}


@pytest.fixture
def two(run: Run, home: Path) -> Iterator[dict[str, int]]:
    """Machines a and b on one data directory: their processes by name."""
    (home / ".hyperverse").mkdir()
    started = [json.loads(run("up", "--detach", "--json", "--name", name).stdout) for name in ("a", "b")]
    yield {status["machine"]: status["pid"] for status in started}
    run("down")


def test_down_names_a_machine_that_does_not_answer(run: Run, two: dict[str, int]) -> None:
    os.kill(two["a"], signal.SIGSTOP)
    try:
        done = run("down")
        assert done.returncode == 1
        assert done.stdout == f"stopped: machine b (pid {two['b']})\n"
        assert done.stderr.startswith("error: machine a is still running: it does not answer")
        assert "hint:" in done.stderr
        again = run("down", "--json")
    finally:
        os.kill(two["a"], signal.SIGCONT)
    assert again.returncode == 1
    said = json.loads(again.stdout)
    assert said["stopped"] == []
    assert [failed["machine"] for failed in said["failed"]] == ["a"]
    assert said["failed"][0]["error"]


def test_down_asks_the_others_when_a_machine_cannot_be_talked_to(run: Run, home: Path, two: dict[str, int]) -> None:
    note = home / ".hyperverse" / "machines" / "a" / "control.json"
    right = note.read_text()
    note.write_text(json.dumps({**json.loads(right), "transport": "zqm"}))
    done = run("down")
    note.write_text(right)
    assert done.returncode == 1
    assert done.stdout == f"stopped: machine b (pid {two['b']})\n"
    assert "error: machine a is still running: no lane transport named 'zqm'" in done.stderr
    assert run("down").stdout == f"stopped: machine a (pid {two['a']})\n"


def test_down_passes_over_a_machine_that_was_killed(run: Run, two: dict[str, int]) -> None:
    os.kill(two["a"], signal.SIGKILL)
    done = run("down")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"stopped: machine b (pid {two['b']})\n", "")


def test_state_survives_sigkill_and_a_stale_lock(run: Run, background: dict[str, Any]) -> None:
    run("exec", 'create localhost<Space>; create localhost:c<Counter>; ping localhost:c Ext<Add> {"by": 5};')
    os.kill(background["pid"], signal.SIGKILL)
    assert run("up", "--detach").returncode == 0
    assert run("exec", 'ping localhost:c Ext<Add> {"by": 1}').stdout == "6\n"


def test_log_lines_are_json_on_request(run: Run, home: Path) -> None:
    (home / ".hyperverse").mkdir()
    assert run("up", "--detach", "--log-format", "json").returncode == 0
    try:
        lines = [json.loads(line) for line in run("logs").stdout.splitlines()]
        assert {"time", "level", "logger", "message"} <= lines[0].keys()
    finally:
        run("down")


def test_a_detached_machine_that_cannot_start_says_why(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text('[lanes]\ndriver = "zqm"\n')
    done = run("up", "--detach", "--data-dir", "data")
    assert done.returncode == 2
    assert "no lane transport named 'zqm'" in done.stderr
    assert "did you mean 'zmq'" in done.stderr


def test_a_detached_machine_that_has_come_to_another_transport_says_so_at_its_start(run: Run, home: Path) -> None:
    before = home / "data" / "keys" / "machines" / "local.secret"
    before.parent.mkdir(parents=True)
    before.write_text("")
    (home / "hyperverse.toml").write_text('[lanes]\ndriver = "stream"\n')
    try:
        done = run("up", "--detach", "--data-dir", "data")
        assert (done.returncode, done.stdout.count("ready")) == (0, 1), done.stderr
        assert "warning: machine local had its lanes over 'zmq'" in done.stderr
        assert "set `driver = 'zmq'` in [lanes]" in done.stderr
    finally:
        run("down", "--data-dir", "data")


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_placement_that_nobody_brings_ends_with_2_and_the_nearest_name(
    run: Run, home: Path, detach: list[str]
) -> None:
    (home / "hyperverse.toml").write_text('[kinds.Counter]\nplacement = "has"\n')
    done = run("up", *detach, "--data-dir", "data")
    assert done.returncode == 2
    assert "kinds.Counter.placement: no placement named 'has'" in done.stderr
    assert "known: hash, near-code, near-parent, round-robin, spread; did you mean 'hash'?" in done.stderr


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_data_directory_that_cannot_be_used_ends_with_2_and_the_cure(run: Run, home: Path, detach: list[str]) -> None:
    (home / "file").touch()
    done = run("up", *detach, "--data-dir", str(home / "file" / "data"))
    assert done.returncode == 2
    assert f"the data directory '{home / 'file' / 'data'}' cannot be used" in done.stderr
    assert "hint: choose one that you may write to" in done.stderr


def test_the_data_directory_of_a_detached_machine_is_for_its_owner(run: Run, home: Path) -> None:
    assert run("up", "--detach", "--data-dir", "data").returncode == 0
    run("down", "--data-dir", "data")
    assert [(home / path).stat().st_mode & 0o777 for path in ("data", "data/machines/local/log")] == [0o700] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_machine_gracefully(home: Path, environment: dict[str, str], number: signal.Signals) -> None:
    command = [sys.executable, "-m", "hyperverse_core.cli", "up", "--json", "--data-dir", "data"]
    with subprocess.Popen(
        command, cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert json.loads(process.stdout.readline())["state"] == "Ready"
        process.send_signal(number)
        assert process.wait(20) == 0
        assert "has stopped" in process.stderr.read()


def test_a_machine_stops_gracefully_when_its_terminal_closes(home: Path, environment: dict[str, str], run: Run) -> None:
    command = [sys.executable, "-m", "hyperverse_core.cli", "up", "--data-dir", "data"]
    terminal, end = pty.openpty()
    with subprocess.Popen(
        command,
        cwd=home,
        env=environment,
        stdin=end,
        stdout=end,
        stderr=end,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as process:
        os.close(end)
        shown = b""
        while b"\n" not in shown.partition(b"ready: machine local")[2]:
            shown += os.read(terminal, 1000)
        os.close(terminal)
        assert process.wait(20) == 0
    assert not (home / "data/machines/local/pid").exists()


def test_a_machine_under_nohup_survives_its_terminal(home: Path, environment: dict[str, str], run: Run) -> None:
    command = [sys.executable, "-m", "hyperverse_core.cli", "up", "--json", "--data-dir", "data"]
    with subprocess.Popen(
        ["nohup", *command], cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["state"] == "Ready"
        process.send_signal(signal.SIGHUP)
        assert run("exec", "--data-dir", "data", "select localhost").returncode in (0, 1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


SLOW = """
import asyncio
from hyperverse_core import hookimpl

@hookimpl
async def hyperverse_machine_stopping(machine):
    print("stopping takes its time", flush=True)
    await asyncio.sleep(60)
"""


def test_a_second_signal_ends_a_machine_at_once(home: Path, environment: dict[str, str]) -> None:
    (home / "hyperverse.toml").write_text("stop_deadline = 60\n[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text(SLOW)
    command = [sys.executable, "-m", "hyperverse_core.cli", "up", "--json", "--data-dir", "data"]
    with subprocess.Popen(
        command, cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["state"] == "Ready"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stopping takes its time\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM


def test_a_registry_that_was_moved_is_shown_and_takes_nothing(run: Run, home: Path) -> None:
    assert run("up", "--detach", "--data-dir", "data").returncode == 0
    (home / "data/registry.sqlite").rename(home / "data/away.sqlite")
    refused = run("exec", "--data-dir", "data", "create localhost<Space>")
    assert refused.returncode != 0
    shown = run("status", "--data-dir", "data").stdout
    assert "registry: down: " in shown
    assert "was moved or deleted while this machine ran" in shown
    until_sync(
        lambda: "trouble: the renewal of leases (since " in run("status", "--data-dir", "data").stdout,
        "the trouble in the status",
    )
    (home / "data/away.sqlite").rename(home / "data/registry.sqlite")
    assert "registry:" not in run("status", "--data-dir", "data").stdout
    assert run("exec", "--data-dir", "data", "create localhost<Space>").returncode == 0
    run("down", "--data-dir", "data")


def test_a_registry_that_is_damaged_does_not_keep_down_from_working(run: Run, home: Path) -> None:
    assert run("up", "--detach", "--data-dir", "data").returncode == 0
    assert run("exec", "--data-dir", "data", "create localhost<Space>").returncode == 0
    os.truncate(home / "data/registry.sqlite-wal", 0)
    run("exec", "--data-dir", "data", "create localhost:a<Base>")  # sooner or later it is noticed
    done = run("down", "--data-dir", "data")
    assert (done.returncode, "stopped: machine local" in done.stdout) == (0, True), done.stderr
