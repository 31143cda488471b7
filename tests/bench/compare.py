"""Measures two environments in turn, in one run, and prints what the second takes against the first.

    python tests/bench/compare.py OLD_VENV NEW_VENV
    python tests/bench/compare.py OLD_VENV NEW_VENV --turns 10 --json FILE
    python tests/bench/compare.py OLD_VENV NEW_VENV --processor
    python tests/bench/compare.py OLD_VENV NEW_VENV --scripts OLD_CHECKOUT NEW_CHECKOUT bench_local.py bench_lanes.py

Without ``--scripts`` it is `hyperverse bench` that both run. With them each runs its own script of that name in
``tests/bench``: their tables are compared line by line and column by column. Of all turns the least of each figure
counts; what is more than 1.1 times of before is marked. ``--processor`` compares the processor time of `hyperverse
bench`: on a busy computer a time by the clock says how busy it is.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import attrs

from bench.figures import Figures, least, run
from bench.report import Report, Row

__all__ = ["compare_rows", "lines_of", "main"]

_MARK: Final = 1.1
_ROUNDS: Final = 5
"""Rounds of a run of today's `hyperverse bench`; one that measures each row once gets as many runs."""
_LIMIT: Final = 3600.0
_NUMBER: Final = re.compile(r"(?<![\w.-])(\d[\d,]*(?:\.\d+)?)(?=x?%?(?:\s|$))")
Lines = Mapping[str, Sequence[float]]


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment; an interpreter is taken as it is."""
    return environment / "bin" / "python" if environment.is_dir() else environment


def measures_in_rounds(python: Path) -> bool:
    """Whether the `hyperverse bench` that is installed there takes the least of several rounds."""
    code = "import importlib.util as u; print(u.find_spec('hyperverse_core.cli.bench.row') is not None)"
    done = subprocess.run([str(python), "-P", "-c", code], capture_output=True, text=True)
    return done.stdout.strip() == "True"


def compare_bench(old: Path, new: Path, turns: int, *, processor: bool = False) -> list[Row]:
    """The rows of `hyperverse bench`, those of ``old`` being the references."""
    times = {python: 1 if measures_in_rounds(python) else _ROUNDS for python in (old, new)}
    found: dict[Path, Figures] = {old: {}, new: {}}
    for turn in range(turns):
        for python in (old, new) if turn % 2 == 0 else (new, old):
            found[python] = least([found[python], run(python, times=times[python], processor=processor)])
            print(f"turn {turn + 1} of {turns}: {python} has measured", file=sys.stderr, flush=True)
    return compare_rows(found[old], found[new])


def compare_rows(old: Figures, new: Figures) -> list[Row]:
    """Two rows for each figure that both have: the times, and the ratios to the reference of each side."""
    rows = []
    for key, before in old.items():
        if key in new:
            loop, _, name = key.partition(": ")
            now = new[key]
            rows.append(Row(name=name, value=now.value, reference="before", reference_value=before.value, loop=loop))
            ratio = Row(name=f"{name}: ratio", value=now.ratio, unit="x", reference="before", loop=loop)
            rows.append(attrs.evolve(ratio, reference_value=before.ratio))
    return rows


def lines_of(text: str) -> Lines:
    """The lines of a table that have figures, by what stands before the first of them; with those of each line."""
    found: dict[str, list[float]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("-- "):
            section = line[3:].partition(",")[0] + ": "
        label, gap, rest = line.partition("  ")
        figures = rest.partition("at most")[0]
        numbers = [float(number.replace(",", "")) for number in _NUMBER.findall(figures)] if gap else []
        if label.strip() and numbers:
            found[section + label.strip()] = numbers
    return found


def compare_script(name: str, sides: Sequence[tuple[Path, Path]], turns: int) -> list[Row]:
    """The figures of a script; those of the first side are the references. A side is an interpreter and a checkout."""
    found: list[dict[str, list[float]]] = [{}, {}]
    for turn in range(turns):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            python, checkout = sides[side]
            script = checkout / "tests" / "bench" / name
            done = subprocess.run([str(python), str(script)], capture_output=True, text=True, timeout=_LIMIT)
            if done.returncode != 0:
                raise RuntimeError(f"{script}: {done.stdout}{done.stderr}")
            for label, numbers in lines_of(done.stdout).items():
                known = found[side].get(label, numbers)
                found[side][label] = [min(pair) for pair in zip(known, numbers, strict=False)]
            print(f"turn {turn + 1} of {turns}: {script} has measured", file=sys.stderr, flush=True)
    rows = []
    for label, before in found[0].items():
        for column, (one, other) in enumerate(zip(before, found[1].get(label, ()), strict=False)):
            if one > 0:
                named = f"{label}, figure {column + 1}"
                rows.append(Row(name=named, value=other, unit="", reference="before", reference_value=one))
    return rows


def show(rows: Sequence[Row], report: Report) -> None:
    """Prints the table and writes the rows."""
    print(f"{'loop':8} {'what':64} {'before':>12} {'now':>12} {'now/before':>11}")
    for row in rows:
        report.add(row)
        assert row.ratio is not None
        mark = "  more than 1.1x" if row.ratio > _MARK else ""
        print(f"{row.loop:8} {row.name:64} {row.reference_value:12.2f} {row.value:12.2f} {row.ratio:10.2f}x{mark}")


def main() -> None:
    """Reads the command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("old", type=Path, metavar="OLD_VENV")
    arguments.add_argument("new", type=Path, metavar="NEW_VENV")
    arguments.add_argument("--turns", type=int, default=5, help="how often each side measures")
    arguments.add_argument("--processor", action="store_true", help="compare processor time; not with --scripts")
    arguments.add_argument("--scripts", nargs="+", metavar="WORD", help="OLD_CHECKOUT NEW_CHECKOUT SCRIPT...")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    given = arguments.parse_args()
    old, new = python_of(given.old), python_of(given.new)
    report = Report(given.json)
    if given.scripts is None:
        show(compare_bench(old, new, given.turns, processor=given.processor), report)
        return
    before, now, *names = given.scripts
    for name in names:
        print(f"\n{name}")
        show(compare_script(name, ((old, Path(before)), (new, Path(now))), given.turns), report)


if __name__ == "__main__":
    main()
