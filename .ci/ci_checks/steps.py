"""Steps: programs with a time limit, that leave nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from run_marks import MARK, end_marked, with_mark

__all__ = ["Steps"]


@dataclass
class Steps:
    """Runs one step after the other, and remembers which have failed.

    Attributes:
        seconds: for all of them together.
        failed: names of those that have failed.
    """

    seconds: float
    failed: list[str] = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    @property
    def passed(self) -> float:
        """Seconds since the first of them."""
        return time.monotonic() - self._begun

    def run(self, name: str, command: Sequence[str | Path], **variables: str) -> bool:
        """Runs a program; whether it has succeeded. What it has left running is ended.

        Args:
            name: for people.
            command: the program and its arguments.
            variables: of the environment, besides those that are there.
        """
        print(f"== {name}", flush=True)
        begun, mark = time.monotonic(), uuid.uuid4().hex
        good = self._done([str(word) for word in command], {**os.environ, **variables, MARK: with_mark(mark)})
        for pid, words in end_marked(mark).items():
            print(f"left running, and killed: {pid} {words}")
        print(f"== {name}: {'ok' if good else 'FAILED'} after {time.monotonic() - begun:.0f} s", flush=True)
        if not good:
            self.failed.append(name)
        return good

    def _done(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                return process.wait(max(1.0, self.seconds - self.passed)) == 0
            except subprocess.TimeoutExpired:
                print(f"no time is left: {command[0]} is ended", flush=True)
                return False
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
