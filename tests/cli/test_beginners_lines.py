"""What a beginner types, and what has to be answered. The lines are in beginners_lines.toml."""

from __future__ import annotations

import os
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Run, variables
from hyperverse_core.cli import run as run_line

pytestmark = pytest.mark.one_case_in(4)

LINES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("beginners_lines.toml").read_text())["line"]
SCRIPT = """create localhost<Space>; create localhost:hits<Counter>; create localhost:box<Base>;
create localhost:box:a<Base>; create localhost:box:b<Base>;"""


@pytest.fixture(scope="module")
def world(shared: dict[str, Any], shared_home: Path) -> Path:
    """The particles that the lines speak of, on the shared machine."""
    from cli.conftest import program

    done = program(shared_home)("exec", SCRIPT)
    assert done.returncode == 0, done.stderr
    return shared_home


@pytest.mark.parametrize("line", LINES, ids=[line["typed"] for line in LINES])
def test_a_beginner_is_told_what_and_what_to_do(
    line: dict[str, Any], world: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in variables(world).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world)
    code = run_line(shlex.split(line["typed"])[1:])
    _, told = capfd.readouterr()
    assert [text for text in line["says"] if text not in told] == [], told
    assert code == line.get("exit", 1)


def test_there_are_fifty_of_them() -> None:
    assert len({line["typed"] for line in LINES}) >= 50


def test_the_help_of_exec_lists_the_commands_of_the_language(run: Run) -> None:
    told = run("exec", "--help").stdout
    for word in ("create", "delete", "select", "ping", "grant"):
        assert f"\n  {word} " in told
