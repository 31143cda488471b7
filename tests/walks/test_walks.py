"""How many calls a wave takes, and that docs/explanation/map.md has the figures and the files in the right order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hyperverse_core import Client, Method, Point
from patience import budget
from walks.machines import POINT, machine, traced
from walks.walk import Walk

pytestmark = pytest.mark.thorough

_MAP = Path(__file__).parents[2] / "docs" / "explanation" / "map.md"
_STEP = re.compile(r"^\d+\. ((?:`[^`]+`[,\s]*)+):\s", re.MULTILINE)
_ROW = re.compile(r"^\| (.+?) \| (\d+) \| (\d+) \|$", re.MULTILINE)
_BOUNDS = {
    "a Ping to a particle of the same machine": 17,
    "a client's Ping over a Unix socket, both ends": 100,
    "a Ping to another machine over a Unix socket, both ends": 95,
    "`create` by `client.exec`, the registry's thread counted": 155,
}
"""The most calls of each wave."""
_CLOSE = 10
"""A figure of the map differs by at most so many calls from what is traced: Pythons differ a little."""


def _section() -> str:
    return _MAP.read_text(encoding="utf-8").partition("\n## The walk of a wave\n")[2].partition("\n## ")[0]


def _steps(title: str) -> list[list[str]]:
    """The files of each step that the map has under a title."""
    told = _section().partition(f"\n### {title}\n")[2].partition("\n### ")[0]
    steps = [re.findall("`([^`]+)`", files) for files in _STEP.findall(told)]
    assert steps, f"the map has no numbered steps under {title!r}"
    return steps


def _check_steps(walks: list[Walk], title: str) -> None:
    """One of the walks has the steps: on a busy computer, what happens beside a wave is seen in the others."""
    steps = _steps(title)
    assert steps in [walk.steps(steps) for walk in walks], str(walks[0])


def _check_order(walks: list[Walk], title: str) -> None:
    """The steps come in the order of the map in one of the walks: of two threads, or two machines, either may be ahead
    for a moment, so what is in between is not compared. The shortest walk calls all files: in a longer one something
    else, such as a probe, may call a file that the wave no longer does."""
    steps = _steps(title)
    missing = {file for step in steps for file in step} - set(walks[0].files())
    assert not missing, f"the map names files that are not called: {sorted(missing)}"
    assert any(walk.has_in_order(steps) for walk in walks), str(walks[0])


def _check_calls(walks: list[Walk], wave: str) -> None:
    walk = walks[0]
    figures = {name: int(calls) for name, calls, _ in _ROW.findall(_section())}
    assert len(walk) <= _BOUNDS[wave], str(walk)
    assert abs(figures[wave] - len(walk)) <= _CLOSE, f"the map says {figures[wave]} calls:\n{walk}"


def test_the_map_says_how_many_calls_are_allowed() -> None:
    assert {name: int(most) for name, _, most in _ROW.findall(_section())} == _BOUNDS


def test_a_step_that_is_missing_or_out_of_order_is_seen() -> None:
    walk = Walk([(file, "call") for file in ("a.py", "b.py", "universe/address/point.py", "a.py", "c.py", "a.py")])
    right = [["a.py", "b.py"], ["c.py"], ["a.py"]]
    assert walk.steps(right) == right
    for wrong in (right[:2], [["b.py", "a.py"], *right[1:]], [right[0], right[2], right[1]], [*right, ["d.py"]]):
        assert walk.steps(wrong) != wrong


def test_steps_in_another_order_and_files_that_are_not_called_are_seen() -> None:
    walk = Walk([(file, "call") for file in ("a.py", "b.py", "x.py", "a.py", "c.py", "a.py")])
    assert walk.has_in_order([["a.py", "b.py"], ["c.py"], ["a.py"]])
    for wrong in ([["c.py"], ["b.py"]], [["a.py", "d.py"], ["c.py"]], [["c.py"], ["a.py"], ["x.py"]]):
        assert not walk.has_in_order(wrong)


async def test_a_warm_ping_takes_few_calls_in_the_files_that_the_map_lists() -> None:
    point, method = Point.parse(POINT), Method.parse("Ext<Get>")
    async with traced() as (tracer, first, _):
        client = first.client()
        walks = await tracer.walks(lambda _: client.ping(point, method))
    _check_calls(walks, "a Ping to a particle of the same machine")
    _check_steps(walks, "A warm Ping on one machine")


async def test_a_clients_ping_takes_few_calls_at_both_ends() -> None:
    async with traced() as (tracer, _, folder), Client.connect(machine="here", data_dir=folder) as client:
        walks = await tracer.walks(lambda _: client.ping(POINT, "Ext<Get>"), runs=40)
    _check_calls(walks, "a client's Ping over a Unix socket, both ends")
    assert walks[0].files()[0] == "client/api.py"
    assert "gateway/session.py" in walks[0].files()


async def test_a_ping_to_another_machine_takes_few_calls_at_both_ends() -> None:
    async with traced() as (tracer, _, folder), machine("there", folder) as second:
        client = second.client()
        for _ in range(3):
            await client.ask(POINT, "Ext<Get>", retries=3)
        walks = await tracer.walks(lambda _: client.ping(POINT, "Ext<Get>"), runs=40)
        assert (await client.ping(POINT, "Ext<Get>")).receipt.remote
    _check_calls(walks, "a Ping to another machine over a Unix socket, both ends")
    _check_order(walks, "A warm Ping to another machine")


async def test_a_create_takes_few_calls() -> None:
    async with traced() as (tracer, first, _):
        client = first.client()
        # Between two of them the feed of the one before is read; that takes longer on a busy computer.
        pause = budget(0.1)
        walks = await tracer.walks(lambda number: client.exec(f"create localhost:w{number}<Walked>"), 25, pause)
        result = (await client.exec("select localhost:*"))[0]
    assert len(result.body["items"]) == 26
    _check_calls(walks, "`create` by `client.exec`, the registry's thread counted")
    _check_order(walks, "A create")
