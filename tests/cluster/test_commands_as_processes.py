"""The commands of the program that are about many machines."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that has ended may be shown for as long as nobody asks for its exit code."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


class Program:
    """The ``hyperverse`` command with a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def words(self, *words: str) -> list[str]:
        """A command line."""
        return [sys.executable, "-m", "hyperverse_core.cli", *words]

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            self.words(*words, "--data-dir", str(self.data_dir)), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        """What it prints with ``--json``, when that is one line."""
        return json.loads(self(*words, "--json"))


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path / "data")
    yield program
    subprocess.run(program.words("down", "--data-dir", str(program.data_dir)), capture_output=True, timeout=60)


def test_many_machines_start_at_once_and_stop_at_once(program: Program) -> None:
    program("up", "--detach", "--machines", "3")
    stars = program.json("stars")
    assert {star["machine"] for star in stars} == {"local", "local2", "local3"}
    assert {"hops", "lanes", "lease", "address", "pid", "particles"} <= stars[0].keys()
    pids = {star["pid"] for star in stars}
    assert len(program("down").splitlines()) == 3
    for pid in pids:
        assert not is_alive(pid)


def test_machines_that_run_in_the_foreground_stop_with_the_first(program: Program) -> None:
    words = program.words("up", "--machines", "2", "--json", "--data-dir", str(program.data_dir))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        ready = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert [status["machine"] for status in ready] == ["local2", "local"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not is_alive(ready[0]["pid"])


def test_a_machine_joins_another_under_a_free_name(program: Program) -> None:
    program("up", "--detach")
    done = subprocess.run(
        program.words("up", "--detach", "--join", str(program.data_dir), "--json"), capture_output=True, text=True
    )
    assert json.loads(done.stdout)["machine"] == "local2"
    assert {star["machine"] for star in program.json("stars")} == {"local", "local2"}
    assert program.json("keys", "show").keys() == {"local", "local2"}


def test_joining_nobody_is_an_error(program: Program, tmp_path: Path) -> None:
    done = subprocess.run(
        program.words("up", "--detach", "--join", str(tmp_path / "nothing")), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "no machine has ever run on" in done.stderr


def test_a_machine_is_drained_and_the_rest_is_balanced(program: Program) -> None:
    program("up", "--detach", "--machines", "2")
    names = [f"localhost:b{number}" for number in range(20)]
    program("exec", "; ".join(["create localhost<Space>", *(f"create {name}<Base>" for name in names)]))
    for name in names:
        program("exec", f"ping {name} Cmd<Bounce>")
    assert program.json("drain", "local2")["left"] > 0
    stars = [star for star in program.json("stars") if star["machine"] == "local2"]
    assert all(star["draining"] for star in stars)
    assert "moves" in program.json("rebalance", "--plan")
    assert "moved" in program.json("rebalance", "--apply")


def test_watching_prints_what_happens(program: Program) -> None:
    program("up", "--detach")
    program("exec", "create localhost<Space>; create localhost:seen<Base>")
    words = program.words("watch", "localhost:seen", "--count", "1", "--json", "--data-dir", str(program.data_dir))
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        for number in range(50):
            program("exec", f"create localhost:seen:child{number}<Base>")
            if process.poll() is not None:
                break
            time.sleep(0.1)
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        process.kill()
    assert (said["aspect"], said["watched"]) == ("Child", "localhost:seen")


def test_keys_are_allowed_and_removed(program: Program) -> None:
    program("keys", "allow", "elsewhere", "k" * 40)
    assert program.json("keys", "show") == {"elsewhere": "k" * 40}
    program("keys", "remove", "elsewhere")
    assert program.json("keys", "show") == {}
    program("keys", "remove", "elsewhere", code=1)
