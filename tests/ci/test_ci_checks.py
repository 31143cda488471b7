"""What CI runs: on which Pythons, with which dependencies, and that it leaves nothing running."""

from __future__ import annotations

import sys
import time
import tomllib
from pathlib import Path

import pytest

from ci_checks.__main__ import CORE, DEPENDENT, SLOW
from ci_checks.lowest import constraints
from ci_checks.pythons import WANTED, find
from ci_checks.second_look import AT_MOST, NEVER, SecondLook
from ci_checks.steps import Steps
from patience import until_sync
from run_marks import marked

REPOSITORY = Path(__file__).parents[2]
PYPROJECT = (REPOSITORY / "pyproject.toml").read_text("utf-8")


def test_the_python_that_runs_this_is_found_and_preferred() -> None:
    minor = "{}.{}".format(*sys.version_info)
    found = find(sys.executable)
    assert tuple(found) == WANTED
    own = found[minor]
    assert own is not None
    assert own.path == Path(sys.executable)
    assert all(python is None or python.version.startswith(f"{version}.") for version, python in found.items())


def test_the_classifiers_name_only_pythons_that_ci_looks_for() -> None:
    prefix = "Programming Language :: Python :: 3."
    classifiers = tomllib.loads(PYPROJECT)["project"]["classifiers"]
    named = {f"3.{line.removeprefix(prefix)}" for line in classifiers if line.startswith(prefix)}
    assert "3.11" in named
    assert named <= set(WANTED)


def test_every_requirement_has_a_lowest_version() -> None:
    lines = constraints(PYPROJECT)
    assert "attrs==24.3" in lines
    assert not [line for line in lines if line.startswith("cosmic-hyperverse")]


def test_a_requirement_without_a_lower_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="click<9 has no lower bound"):
        constraints('[project]\nname = "a"\ndependencies = ["click<9"]\noptional-dependencies = {}\n')


def test_constraints_keep_markers_and_drop_what_is_ours() -> None:
    text = (
        '[project]\nname = "a"\ndependencies = ["b[c]>=1.2,<3"]\n'
        '[project.optional-dependencies]\nd = ["e>=4; sys_platform != \'win32\'"]\nf = ["a[d]", "e>=4"]\n'
    )
    assert constraints(text) == ["b==1.2", 'e==4; sys_platform != "win32"', "e==4"]


@pytest.mark.parametrize("path", sorted({*CORE, *DEPENDENT, *SLOW}))
def test_what_other_environments_run_or_leave_out_is_there(path: str) -> None:
    assert (REPOSITORY / path).exists()


def test_steps_beside_others_print_to_a_file_and_are_counted_with_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = Steps(600.0)
    with (tmp_path / "log").open("w+") as log:
        beside = steps.beside(log)
        assert not beside.run("bad", [sys.executable, "-c", "raise SystemExit('what it says')"])
        log.seek(0)
        said = log.read()
    assert [line.split(" after ")[0] for line in said.splitlines()] == ["== bad", "what it says", "== bad: FAILED"]
    assert steps.failed == ["bad"] and capfd.readouterr() == ("", "")


def test_a_step_that_fails_is_remembered_and_the_next_one_runs(capfd: pytest.CaptureFixture[str]) -> None:
    steps = Steps(600.0)
    assert not steps.run("bad", [sys.executable, "-c", "raise SystemExit(3)"])
    assert steps.run("good", [sys.executable, "-c", "import os; print(os.environ['SAID'])"], SAID="hello")
    assert steps.failed == ["bad"]
    out = capfd.readouterr().out
    assert "== bad: FAILED" in out
    assert "hello" in out
    assert "== good: ok" in out


_LEAVES = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("child", child.pid, flush=True)
time.sleep({})
"""


@pytest.mark.parametrize(("seconds", "sleeps"), [(600.0, 0), (3.0, 600)], ids=["it ends", "its time is over"])
def test_a_step_leaves_no_process_running(seconds: float, sleeps: int, capfd: pytest.CaptureFixture[str]) -> None:
    steps, begun = Steps(seconds), time.monotonic()
    good = steps.run("leaves", [sys.executable, "-c", _LEAVES.format(sleeps)])
    assert good is (sleeps == 0)
    assert time.monotonic() - begun < 300
    out = capfd.readouterr().out
    (pid,) = (int(line.split()[1]) for line in out.splitlines() if line.startswith("child"))
    assert f"left running, and killed: {pid}" in out
    until_sync(lambda: not _runs(pid), "the end of the child")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def test_nothing_carries_a_mark_that_nobody_has_set() -> None:
    assert marked("nobody has set this") == {}


_UNSTEADY = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range({}))
def test_only_later(number):
    there = Path(__file__).with_name(f"{{number}} was run")
    before = there.exists()
    there.touch()
    assert before or {}

def test_good():
    assert not Path(__file__).with_name("good was run").exists()
    Path(__file__).with_name("good was run").touch()
"""


def _second_look(folder: Path, name: str, text: str) -> tuple[list[str], list[str]]:
    """What has failed, and what was unsteady, of a run of one file of tests and of a second look at it."""
    test = folder / name
    test.parent.mkdir(parents=True, exist_ok=True)
    test.write_text(text)
    (folder / "pytest.ini").touch()
    steps, looks = Steps(600.0), SecondLook(folder / "caches")
    looks.run(steps, "tests", [sys.executable, "-P", "-m", "pytest", "-q", "-n", "0", f"--rootdir={folder}", str(test)])
    looks.again(steps)
    return steps.failed, looks.unsteady


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a project of its own, which is where the steps run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.thorough
def test_what_fails_beside_others_and_passes_alone_is_named(elsewhere: Path) -> None:
    failed, unsteady = _second_look(elsewhere, "test_a.py", _UNSTEADY.format(AT_MOST, False))
    assert failed == []
    assert unsteady == [f"test_a.py::test_only_later[{number}] (tests)" for number in range(AT_MOST)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test_a.py", "def test_bad():\n    assert False\n"),
        ("test_a.py", _UNSTEADY.format(AT_MOST + 1, False)),
        ("test_a.py", "import nothing_of_this_name\n"),
        ("test_a.py", _UNSTEADY.format(1, "__import__('os')._exit(7)")),
        *((f"{place.removesuffix('.py').rstrip('/')}/test_a.py", _UNSTEADY.format(1, False)) for place in NEVER[:1]),
        *((place, _UNSTEADY.format(1, False)) for place in NEVER[1:]),
    ],
    ids=["fails twice", "too many", "cannot be collected", "the process ends", *NEVER],
)
@pytest.mark.thorough
def test_what_is_no_accident_fails(name: str, text: str, elsewhere: Path) -> None:
    failed, unsteady = _second_look(elsewhere, name, text)
    assert failed in (["tests"], ["tests, again, alone"])
    assert unsteady == []
