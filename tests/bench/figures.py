"""The rows of `hyperverse bench` in some environment, and what is left of them after several runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

__all__ = ["Figure", "Figures", "least", "read", "run"]

_LIMIT = 600.0
_BY_THE_CLOCK = ("-m", "hyperverse_core.cli")
_BY_THE_PROCESSOR = (
    "-c",
    "import time, types\n"
    "from hyperverse_core.cli import main\n"
    "from hyperverse_core.cli.bench import particles, rows\n"
    "particles.time = rows.time = types.SimpleNamespace(perf_counter=time.process_time)\n"
    "main()",
)
"""The measurements read ``time.perf_counter``: here it tells them the processor time of the process. The machine that
they measure has the clock that it always has."""


@attrs.frozen
class Figure:
    """One row.

    Attributes:
        value: microseconds.
        reference: microseconds of what it is compared with, in the same run.
    """

    value: float
    reference: float

    @property
    def ratio(self) -> float:
        """How many times the reference it took."""
        return self.value / self.reference


Figures = Mapping[str, Figure]
"""By loop and name: ``uvloop: Signal``."""


def run(python: str | Path, *, times: int = 1, processor: bool = False) -> Figures:
    """What `hyperverse bench` measures with the Hyperverse that is installed for ``python``.

    Args:
        python: an interpreter.
        times: how often it runs; the least counts.
        processor: whether it is processor time that is measured, of all threads of the process: for a computer that
            others keep busy. What waits costs nothing then, and what runs beside something else counts in full.
    """
    command = [str(python), "-P", *(_BY_THE_PROCESSOR if processor else _BY_THE_CLOCK), "bench", "--json", "--quiet"]
    runs = []
    for _ in range(times):
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT)
        if done.returncode != 0:
            raise RuntimeError(f"{python} cannot measure: {done.stdout}{done.stderr}")
        runs.append(read(done.stdout))
    return least(runs)


def read(text: str) -> Figures:
    """The rows of ``--json``; those of version 0.1.0 had seconds in them, and other keys."""
    found = {}
    for line in text.splitlines():
        row = json.loads(line)
        if "what" in row:
            figure = Figure(row["seconds"] * 1e6, row["base"] * 1e6)
            found[f"{row['loop']}: {row['what']}"] = figure
        else:
            found[f"{row['loop']}: {row['name']}"] = Figure(row["value"], row["reference_value"])
    return found


def least(runs: Iterable[Figures]) -> Figures:
    """The least of each side of each row: what else a computer does can only add to a figure."""
    found: dict[str, Figure] = {}
    for figures in runs:
        for name, figure in figures.items():
            known = found.get(name, figure)
            found[name] = Figure(min(known.value, figure.value), min(known.reference, figure.reference))
    return found
