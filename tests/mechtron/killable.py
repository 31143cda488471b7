"""A machine in a process of its own, that can be killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from hyperverse_core import BlockingClient, NoMachine
from patience import PATIENCE, START, until_sync

__all__ = ["Killable"]


class Killable:
    """A machine with its data directory in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        """Starts it, and waits until it answers."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "hyperverse_core.cli", "up", f"--data-dir={self.data}"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._log.parent)
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
