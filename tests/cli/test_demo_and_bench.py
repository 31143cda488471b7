"""The demo and the benchmark, which start machines in processes of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from patience import LEASE

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def settings() -> dict[str, str]:
    """Machines keep their stars on a busy computer."""
    return {"HYPERVERSE__LEASE": str(LEASE)}


def test_the_demo_shows_that_every_acknowledged_value_survives(run: Run) -> None:
    done = run("demo", "--json", "--counters", "20", "--seconds", "0.3")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["ok"] for line in lines)
    (compared,) = [line for line in lines if line.get("step") == "compared"]
    assert compared["lost"] == []
    assert compared["found"] >= compared["acknowledged"] > 0
    started = [line["pid"] for line in lines if "pid" in line]
    assert len(set(started)) == 2


def test_the_demo_tells_people_what_to_type_next(run: Run) -> None:
    done = run("demo", "--counters", "2", "--seconds", "0.1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("next: hyperverse up")


def test_bench_prints_ratios_against_references_of_the_same_run(run: Run) -> None:
    done = run("bench", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"Ping/Pong, sequential", "Signal", "create, durable, 256 in flight, each"} <= {r["name"] for r in rows}
    assert {row["unit"] for row in rows} == {"us"}
    assert all(row["ratio"] == pytest.approx(row["value"] / row["reference_value"]) for row in rows)
    waves = {row["name"]: row for row in rows if row["loop"] == "asyncio" and row["objects"] is not None}
    assert len(waves) == 4
    assert all(1 <= row["objects"] < 100 and 100 < row["bytes"] < 20_000 for row in waves.values())


def test_bench_marks_rows_above_their_bound(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """With rows that are given: what is measured differs from computer to computer."""
    from hyperverse_core.cli import run as run_line
    from hyperverse_core.cli.bench import command
    from hyperverse_core.cli.bench.row import Row

    async def measured(*_: object) -> list[Row]:
        kept = {"reference": "a call", "reference_value": 1.0, "at_most": 2.0}
        return [Row(name="slow", value=3.0, **kept), Row(name="fast", value=2.0, **kept)]  # type: ignore[arg-type]

    monkeypatch.setattr(command, "measure", measured)
    monkeypatch.setattr(command, "loop_factory", lambda: None)
    monkeypatch.setattr(command, "set_up", lambda *_: None)  # it would stay: this is the process of all tests
    assert run_line(["bench", "--quick"]) == 0
    told = capfd.readouterr()
    slow, fast = told.out.splitlines()[1:]
    assert ("3.00x !" in slow, "!" in fast) == (True, False)
    assert "! 1 of 2 rows are above their bound" in told.err
