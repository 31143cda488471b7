"""The whole check: style, types, import rules, tests and speed.

The first Python runs everything with the newest dependencies. Each other Python of this computer, and the lowest
dependencies, run the tests that need no machine in a process of its own. Every step runs, so that one run tells all
that is wrong. The simulation goes on with further seeds for as long as there is time; it ends early on a slow computer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .pythons import Python, find
from .steps import Steps

SECONDS = 80 * 60.0
"""For everything: the limit of CI is 90 minutes."""
SEEDS, SEEDS_AT_ONCE = 1000, 100
"""Of the simulation; the run of the whole suite has the first hundred."""
SEEDS_UNTIL = 35 * 60.0
"""Seconds from the beginning; no further hundred begins after that."""
SLOW = (
    "tests/chaos",
    "tests/cluster/test_simulation.py",
    "tests/cluster/test_commands_as_processes.py",
    "tests/cluster/test_compositions_as_processes.py",
    "tests/cluster/test_failures_as_processes.py",
    "tests/cluster/test_scenarios_as_processes.py",
    "tests/cluster/test_slow_lane_as_processes.py",
    "tests/cluster/test_storms_as_processes.py",
    "tests/cli/test_any_environment.py",
    "tests/cli/test_cli_with_machine.py",
    "tests/cli/test_cli_without_machine.py",
    "tests/cli/test_beginners_lines.py",
    "tests/cli/test_config_faults.py",
    "tests/cli/test_finding_out.py",
    "tests/cli/test_new.py",
    "tests/cli/test_project.py",
    "tests/cli/test_reload.py",
    "tests/cli/test_seat_belts.py",
    "tests/cli/test_user_commands.py",
    "tests/cli/test_whose_files.py",
    "tests/docs/test_pages.py",
    "tests/docs/test_site.py",
    "tests/base/test_broken_drivers.py",
    "tests/gateway/test_broken_gateways.py",
    "tests/notebooks",
    "tests/placement/test_broken_placements.py",
    "tests/plugins/test_counter_distribution.py",
    "tests/plugins/test_shop_distribution.py",
    "tests/typed_calls/test_type_checkers.py",
    "tests/packaging",
    "tests/testing/test_left_running.py",
)
"""What the other environments do not run: machines and tests as processes, and pages of the documentation."""


class Checks:
    """The environments, and what is run in each."""

    def __init__(self, steps: Steps, work: Path) -> None:
        self._steps = steps
        self._work = work
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self._workers = os.environ.get("TEST_WORKERS") or str(2 * (cores or 1))

    def environment(self, name: str, python: Python, extra: str, *options: str | Path) -> Path | None:
        """A virtual environment with the project in it; None if that fails."""
        bin_ = self._work / name / "bin"
        pip = [bin_ / "python", "-m", "pip", "install", "-qq"]
        made = (
            self._steps.run(f"{name}: make", [python.path, "-m", "venv", self._work / name])
            and self._steps.run(f"{name}: newest pip", [*pip, "--upgrade", "pip"])
            and self._steps.run(f"{name}: install", [*pip, *options, f".[{extra}]"])
        )
        return bin_ if made else None

    def everything(self, bin_: Path, arguments: list[str]) -> None:
        """What the first Python runs."""
        steps = self._steps
        steps.run("style: format", [bin_ / "ruff", "format", "--check", "."])
        steps.run("style: rules", [bin_ / "ruff", "check", "."])
        steps.run("types", [bin_ / "mypy"])
        steps.run("import rules", [bin_ / "lint-imports"])
        steps.run("tests", [*self._pytest(bin_), *arguments], CI="true", HYPERVERSE_THOROUGH="1")

    def more_seeds(self, bin_: Path) -> None:
        """Further runs of the simulation."""
        command = [*self._pytest(bin_), "-q", "tests/cluster/test_simulation.py"]
        for first in range(SEEDS_AT_ONCE, SEEDS, SEEDS_AT_ONCE):
            if self._steps.passed > SEEDS_UNTIL:
                print(f"no time for the seeds of the simulation from {first} on")
                return
            seeds = {"HYPERVERSE_FIRST_SEED": str(first), "HYPERVERSE_SEEDS": str(SEEDS_AT_ONCE)}
            self._steps.run(f"simulation, seeds from {first}", command, CI="true", **seeds)

    def subset(self, name: str, python: Python, *options: str | Path) -> None:
        """Types and the faster tests in an environment of their own."""
        bin_ = self.environment(name, python, "test", *options)
        if bin_ is None:
            return
        if not options:
            self._steps.run(f"{name}: types", [bin_ / "mypy", "--python-version", python.minor])
        ignored = [f"--ignore={path}" for path in SLOW]
        self._steps.run(f"{name}: tests", [*self._pytest(bin_), "-q", *ignored], CI="true")

    def constraints(self, bin_: Path) -> Path:
        """A file with the lowest versions of all dependencies."""
        file = self._work / "lowest.txt"
        script = Path(__file__).with_name("lowest.py")
        done = subprocess.run([bin_ / "python", script, "pyproject.toml"], capture_output=True, text=True, check=True)
        file.write_text(done.stdout, "utf-8")
        return file

    def _pytest(self, bin_: Path) -> list[str | Path]:
        return [bin_ / "python", "-P", "-m", "pytest", "-n", self._workers, "-p", "no:cacheprovider"]


def main(arguments: list[str]) -> int:
    """The exit code."""
    pythons = find()
    for minor, python in pythons.items():
        print(f"Python {minor}: {f'{python.version}, {python.path}' if python else 'not on this computer'}")
    first = pythons.get("{}.{}".format(*sys.version_info))
    if first is None:
        print(f"this is Python {sys.version.split()[0]}, and the project needs one of {', '.join(pythons)}")
        return 1
    others = [python for python in pythons.values() if python not in (None, first)]
    steps = Steps(SECONDS)
    with tempfile.TemporaryDirectory(prefix="hyperverse-ci-") as folder:
        checks = Checks(steps, Path(folder))
        bin_ = checks.environment("newest", first, "dev")
        if bin_ is not None:
            checks.everything(bin_, arguments)
            for python in others:
                checks.subset(f"Python {python.minor}", python)
            checks.subset("lowest", first, "--constraint", checks.constraints(bin_))
            steps.run("speed", [bin_ / "python", "-P", "tests/bench/gate.py"])
            checks.more_seeds(bin_)
    print(f"{len(steps.failed)} steps failed: {', '.join(steps.failed)}" if steps.failed else "everything is ok")
    return 1 if steps.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
