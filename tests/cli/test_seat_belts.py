"""What deletes or stops much asks first."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Run, variables
from patience import START

pytestmark = pytest.mark.thorough


@pytest.fixture
def box(talk: Run, space: str) -> str:
    """A Base with two particles in it, one of which has one more."""
    point = f"{space}:box"
    done = talk("exec", "; ".join(f"create {p}<Base>" for p in (point, f"{point}:a", f"{point}:b", f"{point}:a:c")))
    assert done.returncode == 0, done.stderr
    return point


def points(talk: Run, below: str) -> list[str]:
    return talk("exec", f"select {below}+:**").stdout.split()


def test_a_delete_of_one_particle_just_runs(talk: Run, box: str) -> None:
    done = talk("exec", f"delete {box}:b")
    assert (done.returncode, done.stdout) == (0, f"{box}:b\n")


@pytest.mark.parametrize("selector", ["", ":*", ":**", ":a"])
def test_a_delete_of_more_needs_yes(talk: Run, box: str, selector: str) -> None:
    before = points(talk, box)
    done = talk("exec", f"delete {box}{selector}")
    assert done.returncode == 1 and "--yes" in done.stderr
    assert points(talk, box) == before
    assert talk("exec", "--yes", f"delete {box}{selector}").returncode == 0
    assert len(points(talk, box)) < len(before)


def test_a_dry_run_lists_what_a_delete_would_delete(talk: Run, box: str) -> None:
    before = points(talk, box)
    for words in ([f"delete {box}", "--dry-run"], [f"delete {box} dry-run"]):
        done = talk("exec", *words)
        assert (done.returncode, done.stdout.split()) == (0, before)
    answer = json.loads(talk("exec", "--json", "--dry-run", f"delete {box}:a").stdout)
    assert [stub["point"] for stub in answer["body"]["would_delete"]] == [f"{box}:a", f"{box}:a:c"]
    assert points(talk, box) == before


def test_the_commands_around_a_refused_delete_keep_their_places(talk: Run, box: str, tmp_path: Path) -> None:
    script = tmp_path / "x.hv"
    script.write_text(f"create {box}:d<Base>;\n# all\n  delete {box}; create {box}:e<Base>;\ncreate {box}:e<Base>;\n")
    told = [json.loads(line) for line in talk("exec", "-f", str(script), "--json").stdout.splitlines()]
    assert [answer["status"] for answer in told] == [200, 400]
    assert told[1]["command"] == f"delete {box}"
    going = talk("exec", "-f", str(script), "-k", "--json")
    told = [json.loads(line) for line in going.stdout.splitlines()]
    assert [answer["status"] for answer in told] == [409, 400, 200, 409]


def test_term_from_a_pipe_needs_yes_too(talk: Run, box: str) -> None:
    assert talk("term", stdin=f"delete {box}\n").returncode == 1
    assert talk("term", "--yes", stdin=f"delete {box}\n").returncode == 0
    assert points(talk, box) == []


def test_term_explains_itself(talk: Run, shared: object) -> None:
    told = talk("term", stdin="help\n? delete\n").stdout
    assert "ripple SELECTOR METHOD[PATH] [BODY]" in told
    assert told.endswith("delete SELECTOR [dry-run]\n    Delete particles and everything below them.\n")


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 4), ("", 4)])
def test_a_terminal_is_asked(talk: Run, box: str, shared_home: Path, answer: str, left: int) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            [sys.executable, "-m", "hyperverse_core.cli", "exec", f"delete {box}"],
            cwd=shared_home,
            env=variables(shared_home),
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=START,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert f"Delete 4 particles: {box}, {box}:a, {box}:a:c and 1 more?" in done.stderr
    assert (done.returncode == 0) is (left == 0)
    assert len(points(talk, box)) == left


def test_the_last_machine_is_drained_by_force_only(run: Run, background: object) -> None:
    done = run("drain", "local")
    assert done.returncode == 1 and "--force" in done.stderr
    assert "draining" not in run("status").stdout
    assert run("drain", "local", "--force").returncode == 0
    assert "draining" in run("status").stdout
