"""Every benchmark can be started: what it measures is looked at now and then, and moves meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.report import Report, Row
from patience import START

HERE = Path(__file__).parent
SCRIPTS = sorted(path.name for path in HERE.glob("bench_*.py"))


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.thorough
def test_a_benchmark_imports_what_it_needs_and_writes_json(script: str) -> None:
    done = subprocess.run([sys.executable, str(HERE / script), "--help"], capture_output=True, text=True, timeout=START)
    assert done.returncode == 0, done.stderr
    assert "--json FILE" in done.stdout


@pytest.mark.thorough
def test_the_benchmark_of_guests_measures_every_row(tmp_path: Path) -> None:
    """It stands for the others: it uses parts of the driver that no other program calls."""
    file = tmp_path / "rows.json"
    command = [sys.executable, str(HERE / "bench_mechtron.py"), "--rounds", "1", "--live", "20", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START)
    assert done.returncode == 0, done.stderr
    assert len(file.read_text().splitlines()) == 8


def test_a_report_holds_a_row_as_soon_as_it_is_known(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    report = Report(file)
    report.add(Row(name="a", value=3.0, reference="b", reference_value=2.0, loop="uvloop", objects=5.0, bytes=70.0))
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {
            "name": "a",
            "value": 3.0,
            "unit": "us",
            "reference": "b",
            "reference_value": 2.0,
            "ratio": 1.5,
            "at_most": None,
            "loop": "uvloop",
            "objects": 5.0,
            "bytes": 70.0,
        }
    ]
    Report(file)
    assert file.read_text() == ""


def test_a_row_without_a_reference_has_no_ratio() -> None:
    assert Row(name="a", value=3.0).plain()["ratio"] is None
