"""A run of tests leaves no process behind, whatever its tests do; and CI takes no skipped test for a passed one."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from nats_server import running_server
from patience import PATIENCE, START, until_sync
from postgres_server import temporary_server
from run_marks import MARK, end_marked, marked, with_mark

pytestmark = pytest.mark.thorough

TESTS = Path(__file__).parents[1]
SLEEP = "import time; time.sleep(600)"


def run(
    folder: Path, source: str, *words: str, limit: float = START, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A run of its own, of one file, with the plugins of ours."""
    (folder / "test_it.py").write_text(source)
    env = {key: value for key, value in os.environ.items() if key != "CI"}
    path = os.pathsep.join([str(TESTS), env.get("PYTHONPATH", "")])
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "left_running",
            "-p",
            "no_skips",
            "-p",
            "told_at_once",
            *words,
            "test_it.py",
        ],
        cwd=folder,
        env={**env, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=limit,
    )


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended may be shown for as long as nobody asks for its exit code."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_process_that_has_left_its_session_is_found_by_its_mark_and_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEP], env={**os.environ, MARK: "mine"}, start_new_session=True
    ) as one:
        until_sync(lambda: one.pid in marked("mine"), "the mark")
        assert one.pid in end_marked("mine")
        assert one.wait(START) < 0
        assert marked("mine") == {}


_TIMES_OUT = f"""
import subprocess, sys, time
from pathlib import Path

def test_it():
    child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}], start_new_session=True)
    Path("pid").write_text(str(child.pid))
    time.sleep(600)
"""


@pytest.mark.parametrize("words", [(), ("-n", "1")], ids=["one process", "with workers"])
def test_a_test_that_times_out_leaves_no_process(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run(tmp_path, _TIMES_OUT, "--timeout", "2", *words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Timeout" in done.stdout
    pid = int((tmp_path / "pid").read_text())
    assert f"left running by the tests, and killed: {pid}" in done.stderr
    until_sync(lambda: not runs(pid), "the end of the process")


_SKIPS = "import pytest\n\ndef test_it():\n    pytest.skip('because')\n"


def test_ci_lets_no_test_be_skipped(tmp_path: Path) -> None:
    assert "1 skipped" in run(tmp_path, _SKIPS).stdout
    done = run(tmp_path, _SKIPS, CI="true")
    assert "1 failed" in done.stdout
    assert "CI skips none: Skipped: because" in done.stdout


def test_ci_lets_a_test_be_skipped_that_the_computer_cannot_run(tmp_path: Path) -> None:
    done = run(tmp_path, _SKIPS.replace("because", "this computer has no IPv6"), CI="true")
    assert "1 skipped" in done.stdout


_FAILS = "import time\n\ndef test_it():\n    assert 1 == 2\n\ndef test_later():\n    time.sleep(600)\n"


def test_ci_tells_of_a_failure_although_the_run_is_ended(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        run(tmp_path, _FAILS, CI="true", limit=PATIENCE / 4)
    assert b"FAILED at once: test_it.py::test_it (call, 0 s)" in (caught.value.stdout or b"")


def test_a_run_that_is_asked_to_end_ends_what_it_has_left_running(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pathlib, subprocess, sys, time\n"
        "def test_it():\n"
        f"    one = subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)\n"
        "    pathlib.Path('pid').write_text(str(one.pid))\n"
        "    time.sleep(600)\n"
    )
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    words = [sys.executable, "-m", "pytest", "-q", "-p", "left_running", "test_it.py"]
    run_of_tests = subprocess.Popen(
        words,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pid = tmp_path / "pid"
    until_sync(lambda: pid.exists() and pid.read_text() != "", "the process")
    run_of_tests.terminate()
    assert run_of_tests.wait(START) == 143
    until_sync(lambda: not runs(int(pid.read_text())), "its end")


def test_the_servers_of_a_run_carry_its_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, with_mark(mark))
    with temporary_server(), running_server():
        found = " ".join(marked(mark).values())
        assert "postgres" in found
        assert "nats-server" in found
