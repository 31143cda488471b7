"""A machine in a process of its own, that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from hyperverse_core import BlockingClient, NoMachine
from patience import PATIENCE, START, until_sync

__all__ = ["Killable"]


class Killable:
    """A machine with its data directory in ``folder``.

    Args:
        folder: also has its log.
        variables: of its environment, besides those of this process.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self._own = {**os.environ, **(variables or {})}
        self.data = folder / "data"
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        """Starts it, and waits until it answers."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "hyperverse_core.cli", "up", f"--data-dir={self.data}"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.log.parent, env=self._own)
        until_sync(self._answers, "the machine to answer", within=START)

    def _answers(self) -> bool:
        try:
            with BlockingClient(self.data) as client:
                client.status()
        except NoMachine:
            return False
        return True

    def kill(self) -> None:
        """Kills it, at whatever it is."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(PATIENCE)
