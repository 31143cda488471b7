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

from patience import LEASE, PATIENCE, START

pytestmark = pytest.mark.thorough


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
            self.words("--data-dir", str(self.data_dir), *words), capture_output=True, text=True, timeout=START
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def refused(self, *words: str) -> str:
        """What a command says that ends with 1."""
        words = ("--data-dir", str(self.data_dir), *words)
        done = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=START)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert "hint:" in done.stderr
        return done.stderr

    def json(self, *words: str) -> Any:
        """What it prints with ``--json``, when that is one line."""
        return json.loads(self(*words, "--json"))

    def until_reached(self, stars: int) -> Any:
        """The stars, as soon as so many of each machine, and all, can be reached from here."""
        until = time.monotonic() + START  # on a busy computer a command alone takes a second
        while True:
            found = self.json("stars")
            if len(found) >= 2 * stars and all(star["hops"] is not None for star in found):
                return found
            assert time.monotonic() < until, found
            time.sleep(0.1)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv("HYPERVERSE__LEASE", str(LEASE))
    program = Program(tmp_path / "data")
    yield program
    subprocess.run(program.words("down", "--data-dir", str(program.data_dir)), capture_output=True, timeout=START)


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
        assert process.wait(PATIENCE) == 0
    assert not is_alive(ready[0]["pid"])


def test_a_machine_joins_another_under_a_free_name(program: Program) -> None:
    program("up", "--detach")
    done = subprocess.run(
        program.words("up", "--detach", "--join", str(program.data_dir), "--json"), capture_output=True, text=True
    )
    assert json.loads(done.stdout)["machine"] == "local2"
    assert {star["machine"] for star in program.json("stars")} == {"local", "local2"}
    assert program.json("keys", "show").keys() == {"local", "local2"}


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        ("{}/nothing", 2, "there is no folder"),
        ("{}", 2, "no machine has ever run on"),
        ("tcp://127.0.0.1:7000", 2, "it begins with sqlite:/// and names a file"),
        ("sqlite:///{}/registry.sqlite", 2, "there is no registry"),
    ],
)
def test_joining_nobody_is_an_error(program: Program, tmp_path: Path, where: str, code: int, said: str) -> None:
    words = program.words("up", "--detach", "--join", where.format(tmp_path), "--data-dir", str(program.data_dir))
    if "://" not in where:
        words = words[:-2]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == code
    assert said in done.stderr
    assert "hint:" in done.stderr
    assert not (tmp_path / "registry.sqlite").exists()


def test_a_second_machine_of_one_name_is_refused(program: Program) -> None:
    program("up", "--detach", "--name", "a")
    words = program.words("up", "--detach", "--name", "a", "--join", str(program.data_dir))
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1
    assert "a machine named 'a' already runs on" in done.stderr
    assert {star["machine"] for star in program.json("stars")} == {"a"}


@pytest.mark.parametrize(
    ("join", "lanes"),
    [(False, "ipc"), (True, "tcp"), (False, "unix")],
    ids=["the same data directory over ipc", "--join over tcp", "the same data directory"],
)
def test_two_machines_by_name_are_one_hyperverse(program: Program, tmp_path: Path, join: bool, lanes: str) -> None:
    """Two machines, their lane over a real transport; what one creates the other one answers for."""
    config = tmp_path / "machines.toml"
    settings = {"tcp": 'address = "tcp://127.0.0.1:*"', "ipc": 'driver = "zmq"'}
    config.write_text(f"[lanes]\n{settings.get(lanes, '')}\n")
    program("up", "--detach", "--name", "a", "--config", str(config))
    if join:
        words = program.words("up", "--detach", "--name", "b", "--join", str(program.data_dir), "--config", str(config))
        subprocess.run(words, check=True, capture_output=True)
    else:
        program("up", "--detach", "--name", "b", "--config", str(config))
    stars = program.until_reached(4)
    assert {star["machine"] for star in stars} == {"a", "b"}
    assert {star["address"].partition("://")[0] for star in stars} == {lanes}
    names = [f"localhost:b{number}" for number in range(8)]
    program("exec", "; ".join(["create localhost<Space>", *(f"create {name}<Base>" for name in names)]))
    lines = program("exec", "--json", "; ".join(f"ping {name} Cmd<Bounce>" for name in names)).splitlines()
    receipts = [json.loads(line)["receipt"] for line in lines]
    assert {receipt["remote"] for receipt in receipts} == {True, False}


def test_a_machine_of_another_data_directory_joins_by_the_registry_when_keys_are_allowed(
    program: Program, tmp_path: Path
) -> None:
    config = tmp_path / "machines.toml"
    config.write_text('[lanes]\naddress = "tcp://127.0.0.1:*"\n')
    other = Program(tmp_path / "other")
    url = f"sqlite:///{program.data_dir}/registry.sqlite"
    program("up", "--detach", "--name", "a", "--config", str(config))
    try:
        other("up", "--detach", "--name", "b", "--join", url, "--config", str(config))
        stars = other.json("stars")
        assert {star["machine"] for star in stars} == {"a", "b"}
        assert all(star["hops"] is None for star in stars if star["machine"] == "a")
        (lane,) = other.json("status")["lanes"]
        assert (lane["machine"], lane["state"]) == ("a", "down")
        assert "does not allow that key" in lane["cause"]
        assert "lane to a: down" in other("status")
        log = other("logs", "--lines", "1000")
        assert "machine a refuses the lane" in log
        assert "allow it there: `hyperverse keys allow NAME" in log
        program("keys", "allow", "b", "--", other.json("keys", "show")["b"])
        other("keys", "allow", "a", "--", program.json("keys", "show")["a"])
        for one in (program, other):
            assert {star["machine"] for star in one.until_reached(4)} == {"a", "b"}
    finally:
        subprocess.run(other.words("down", "--data-dir", str(other.data_dir)), capture_output=True, timeout=START)


def test_a_machine_is_drained_and_the_rest_is_balanced(program: Program) -> None:
    program("up", "--detach", "--machines", "2")
    names = [f"localhost:b{number}" for number in range(20)]
    program("exec", "; ".join(["create localhost<Space>", *(f"create {name}<Base>" for name in names)]))
    program("exec", "; ".join(f"ping {name} Cmd<Bounce>" for name in names))
    drained = program.json("drain", "local2")
    assert drained["left"] > 0
    assert drained["warning"] == ""
    stars = [star for star in program.json("stars") if star["machine"] == "local2"]
    assert all(star["draining"] for star in stars)
    assert "moves" in program.json("rebalance", "--plan")
    assert "moved" in program.json("rebalance", "--apply")


def test_draining_the_last_machine_warns_that_its_kinds_have_no_place(program: Program) -> None:
    program("up", "--detach")
    program("exec", "create localhost<Space>; create localhost:a<Base>; ping localhost:a Cmd<Bounce>")
    warning = program.json("drain", "local", "--force")["warning"]
    assert "no machine accepts particles of these Kinds now: " in warning
    assert "Base" in warning
    program("exec", "ping localhost:a Cmd<Bounce>", code=1)
    program("down")
    program("up", "--detach")
    program("exec", "ping localhost:a Cmd<Bounce>")


@pytest.mark.parametrize(
    ("aspect", "change", "point"),
    [
        ("Child", "create localhost:users:u{}<User>", "localhost:users:u"),
        ("Property", "set localhost:users{{ +config=localhost:c{} }}", "localhost:users"),
    ],
)
def test_watching_prints_what_happens(program: Program, aspect: str, change: str, point: str) -> None:
    program("up", "--detach")
    program("exec", "create localhost<Space>; create localhost:users<UserBase<Keycloak>>")
    words = program.words("watch", "localhost:users", "--aspect", aspect, "--count", "1", "--json")
    with subprocess.Popen([*words, "--data-dir", str(program.data_dir)], stdout=subprocess.PIPE, text=True) as process:
        try:
            for number in range(20):
                program("exec", change.format(number))
                if process.poll() is not None:
                    break
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
        finally:
            process.kill()
    assert (said["aspect"], said["watched"]) == (aspect, "localhost:users")
    assert said["point"].startswith(point)


def test_keys_are_allowed_and_removed(program: Program) -> None:
    program.data_dir.mkdir()
    program("keys", "allow", "elsewhere", "k" * 43)
    assert program.json("keys", "show") == {"elsewhere": "k" * 43}
    program("keys", "remove", "elsewhere")
    assert program.json("keys", "show") == {}
    program("keys", "remove", "elsewhere", code=1)


def test_the_key_of_a_machine_of_the_data_directory_is_not_overwritten(program: Program) -> None:
    program("up", "--detach")
    known = program.json("keys", "show")
    assert "machine 'local' belongs to this data directory" in program.refused("keys", "allow", "local", "k" * 43)
    assert "already belongs to machine 'local'" in program.refused("keys", "allow", "other", "--", known["local"])
    program("keys", "allow", "local", "--", known["local"])
    assert program.json("keys", "show") == known
