"""Tests that failed beside the others get a second look: alone, when everything else has ended.

Some of thousands of tests need an answer within a time that depends on what else the computer does. When one of them
fails on a busy computer and passes alone, the change that is being checked is seldom at fault; but the test, or what it
tests, is. So such a test does not fail the run, and it is named in the last lines of the run until somebody mends it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .steps import Steps

__all__ = ["AT_MOST", "NEVER", "SecondLook"]

AT_MOST = 4
"""Tests of one run that get a second look. More than these are no accident."""
NEVER = ("tests/chaos/", "tests/cluster/test_simulation.py")
"""What checks histories: a lost state is a fault however seldom it comes."""
_TESTS_FAILED = 1
"""The exit code of pytest after a whole run with failures."""


@dataclass(frozen=True)
class _Failed:
    name: str
    python: Path
    cache: Path
    tests: list[str]
    variables: dict[str, str]


@dataclass
class SecondLook:
    """Runs of pytest, and what of them is to be run again.

    Attributes:
        folder: for the lists of failed tests.
        unsteady: tests that failed beside the others and passed alone.
    """

    folder: Path
    unsteady: list[str] = field(default_factory=list)
    _failed: list[_Failed] = field(default_factory=list)

    def run(self, steps: Steps, name: str, command: Sequence[str | Path], **variables: str) -> None:
        """Runs tests. When few have failed, that counts only after `again`.

        Args:
            steps: what it is one of.
            name: of the step.
            command: Python, and how pytest is called.
            variables: of the environment.
        """
        cache = self.folder / f"failed in {name}".replace(" ", "-").replace(":", "")
        code = steps.code(name, [*command, "-o", f"cache_dir={cache}"], **variables)
        if code == 0:
            return
        tests = _last_failed(cache) if code == _TESTS_FAILED else []
        if 0 < len(tests) <= AT_MOST and not any(test.startswith(NEVER) for test in tests):
            self._failed.append(_Failed(name, Path(command[0]), cache, tests, variables))
        else:
            steps.failed.append(name)

    def again(self, steps: Steps) -> None:
        """Runs what has failed once more, one test after the other.

        Args:
            steps: what these are some of.
        """
        for failed in self._failed:
            words = ("-P", "-m", "pytest", "-n", "0", "--last-failed", "--last-failed-no-failures", "none")
            command = [failed.python, *words, "-o", f"cache_dir={failed.cache}"]
            if steps.run(f"{failed.name}, again, alone", command, **failed.variables):
                self.unsteady += [f"{test} ({failed.name})" for test in failed.tests]
        self._failed.clear()


def _last_failed(cache: Path) -> list[str]:
    """What pytest has written down of the tests that failed."""
    return sorted(json.loads((cache / "v" / "cache" / "lastfailed").read_text("utf-8")))
