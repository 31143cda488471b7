"""Fails when a ratio of `hyperverse bench` is more than 1.3 times of the one that was kept last.

    python tests/bench/gate.py                  compares with the last kept ratios
    python tests/bench/gate.py --keep 0.2.0     keeps those of this computer, now, for a release

A ratio moves with what else the computer does, so a row is not judged by one run: as long as one is too high,
`hyperverse bench` runs again, and the least of each figure and of each reference counts.

Ratios move from one kind of computer to another, too, for example with the size of its caches. If a row is still too
high after three runs, the code of the commit that kept the ratios is installed beside this one, and both are measured
in turn, until no row is too high against that, at most six times. Where git does not know the commit, a row fails that
is too high after six runs.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import kept
from bench.figures import Figures, least, run
from bench.installed import installed

__all__ = ["ALONE", "FACTOR", "RUNS", "gate", "too_high"]

FACTOR: Final = 1.3
RUNS: Final = 6
ALONE: Final = 3
"""Runs of this code before the code that kept the ratios is measured beside it."""
_REPOSITORY: Final = Path(__file__).parents[2]
Measure = Callable[[], Figures]


def too_high(ratios: Mapping[str, float], found: Figures) -> dict[str, str]:
    """The rows that are more than 1.3 times of what they were, and what is wrong with each."""
    wrong = {}
    for row, before in ratios.items():
        if row not in found:
            wrong[row] = "it is not measured any more"
        elif found[row].ratio > FACTOR * before:
            wrong[row] = f"{found[row].ratio:.2f}x, which is {found[row].ratio / before:.2f} times of {before:.2f}x"
    return wrong


def measured(
    ratios: Mapping[str, float], measure: Measure, runs: int, say: Callable[[str], None]
) -> tuple[Figures, bool]:
    """Measures until no row is too high, so many times at most. What was found, and whether it is good."""
    found: Figures = {}
    for number in range(1, runs + 1):
        found = least([found, measure()])
        wrong = too_high(ratios, found)
        if not wrong:
            return found, True
        say(f"run {number} of {runs}: too high: {', '.join(wrong)}")
    return found, False


def gate(
    ratios: Mapping[str, float],
    measure: Measure,
    in_turn: Callable[[Measure], Iterator[tuple[Figures, Figures]]] | None,
    say: Callable[[str], None],
) -> bool:
    """Whether this code is as fast as the kept ratios ask.

    Args:
        ratios: those that were kept.
        measure: runs the benchmark once.
        in_turn: measures the code that the ratios are of, and this one, again and again; None where it is not known.
        say: is told what happens.
    """
    found, good = measured(ratios, measure, ALONE if in_turn else RUNS, say)
    # A row that was good against the kept ratios stays good: only the others are judged again.
    suspects = too_high(ratios, found)
    if not good and in_turn is not None:
        say("measuring the code whose ratios were kept beside this one, on this computer")
        before: Figures = {}
        found = {}
        for old, new in itertools.islice(in_turn(measure), RUNS):
            before, found = least([before, old]), least([found, new])
            ratios = {row: before[row].ratio for row in ratios if row in before}
            if not too_high(ratios, found).keys() & suspects.keys():
                break
    wrong = {row: why for row, why in too_high(ratios, found).items() if row in suspects}
    for row, figure in found.items():
        kept_ratio = f"kept {ratios[row]:.2f}x" if row in ratios else "not kept yet"
        say(f"{row:<60} {figure.ratio:6.2f}x  {kept_ratio:<14} {wrong.get(row, 'ok')}")
    for row in wrong.keys() - found.keys():
        say(f"{row}: {wrong[row]}")
    return not wrong


def _commit_that_kept() -> str:
    """The commit that has written a ratio last, empty where git does not know. One that changed only the name of a
    release does not count: its code is not that of the ratios."""
    command = ["git", "-C", str(_REPOSITORY), "log", "-1", "--format=%H", '-G": [0-9]', "--", str(kept.FILE)]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _in_turn(commit: str) -> Callable[[Measure], Iterator[tuple[Figures, Figures]]]:
    def measure_both(measure: Measure) -> Iterator[tuple[Figures, Figures]]:
        with tempfile.TemporaryDirectory(prefix="hyperverse-gate-") as folder:
            python = installed(_REPOSITORY, commit, Path(folder))
            while True:
                yield run(python), measure()

    return measure_both


def main() -> int:
    """The exit code: 1 when a ratio is too high."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--keep", metavar="VERSION", help="keep the ratios of this computer for a release")
    version = arguments.parse_args().keep
    if version is not None:
        kept.keep(version, run(sys.executable, times=RUNS))
        return 0
    commit = _commit_that_kept()
    last = kept.load()[-1]
    good = gate(last.ratios, lambda: run(sys.executable), _in_turn(commit) if commit else None, print)
    print(f"benchmarks: {'ok' if good else 'a ratio is too high'}, compared with {last.name}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
