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
from typing import TextIO

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from run_marks import MARK, end_marked, with_mark

__all__ = ["Steps"]


@dataclass
class Steps:
    """Runs one step after the other, and remembers which have failed.

    Attributes:
        seconds: for all of them together.
        failed: names of those that have failed.
        log: takes what they print; None is what this process prints to.
    """

    seconds: float
    failed: list[str] = field(default_factory=list)
    log: TextIO | None = None
    _begun: float = field(default_factory=time.monotonic)

    @property
    def passed(self) -> float:
        """Seconds since the first of them."""
        return time.monotonic() - self._begun

    def beside(self, log: TextIO) -> Steps:
        """Steps that run at the same time as these, and print to a file of their own. The time and the failures are
        counted together."""
        return Steps(self.seconds, self.failed, log, self._begun)

    def say(self, line: str) -> None:
        """Prints a line."""
        print(line, file=self.log, flush=True)

    def run(self, name: str, command: Sequence[str | Path], **variables: str) -> bool:
        """Runs a program, and remembers its name when it fails; whether it has succeeded.

        Args:
            name: for people.
            command: the program and its arguments.
            variables: of the environment, besides those that are there.
        """
        good = self.code(name, command, **variables) == 0
        if not good:
            self.failed.append(name)
        return good

    def code(self, name: str, command: Sequence[str | Path], **variables: str) -> int | None:
        """The exit code of a program; None when its time was over. What it has left running is ended.

        Args:
            name: for people.
            command: the program and its arguments.
            variables: of the environment, besides those that are there.
        """
        self.say(f"== {name}")
        begun, mark = time.monotonic(), uuid.uuid4().hex
        code = self._code([str(word) for word in command], {**os.environ, **variables, MARK: with_mark(mark)})
        for pid, words in end_marked(mark).items():
            self.say(f"left running, and killed: {pid} {words}")
        self.say(f"== {name}: {'ok' if code == 0 else 'FAILED'} after {time.monotonic() - begun:.0f} s")
        return code

    def _code(self, command: Sequence[str], environment: Mapping[str, str]) -> int | None:
        options = {"stdin": subprocess.DEVNULL, "stdout": self.log, "stderr": self.log and subprocess.STDOUT}
        with subprocess.Popen(command, env=environment, start_new_session=True, **options) as process:
            try:
                return process.wait(max(1.0, self.seconds - self.passed))
            except subprocess.TimeoutExpired:
                self.say(f"no time is left: {command[0]} is ended")
                return None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
