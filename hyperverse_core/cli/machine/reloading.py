"""``hyperverse up --reload``: starts the machine again whenever its local plugin has changed.

The machine runs in a child process, so that the changed file is imported afresh. It stops gracefully: particles finish
their waves, and saved state is available again after the start.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from ..terminal.output import note
from ..terminal.program import program

__all__ = ["run_reloading"]

_LOOK = 0.25
"""Seconds between two checks of the files."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_reloading(args: Sequence[str], folder: Path) -> int:
    """Runs ``hyperverse up`` in a child process, and starts it again when a Python file in a folder has changed. A file
    that cannot be compiled is named, and the machine continues with the old one.

    Args:
        args: words of the command line after ``up``.
        folder: folder of the local plugin.

    Returns:
        The exit code of the machine when it ends without a change, or is asked to stop.
    """
    return _Supervisor([*program(), "up", *args], folder).run()


class _Supervisor:
    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._command = list(command)
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = False

    def run(self) -> int:
        before = {number: signal.signal(number, self._signalled) for number in _SIGNALS}
        try:
            return self._run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _run(self) -> int:
        seen = _stamps(self._folder)
        self._child = self._start()
        while True:
            code = self._child.poll()
            if code is not None and self._asked:
                return code if code >= 0 else 128 - code
            time.sleep(_LOOK)
            now = _stamps(self._folder)
            changed = sorted(path for path in {*seen, *now} if seen.get(path) != now.get(path))
            seen = now
            if self._asked or not changed or _broken(changed):
                if code is not None and not self._asked and not changed:
                    return code if code >= 0 else 128 - code
                continue
            note(f"{', '.join(path.name for path in changed)} changed: starting the machine again")
            if code is None:
                self._child.terminate()
                self._child.wait()
            if self._asked:  # a signal came meanwhile
                continue
            self._child = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.DEVNULL, start_new_session=True)

    def _signalled(self, number: int, frame: FrameType | None) -> Any:
        self._asked = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)


def _stamps(folder: Path) -> dict[Path, int]:
    found = {}
    for path in folder.glob("*.py"):
        try:
            found[path] = path.stat().st_mtime_ns
        except OSError:  # it has just been removed
            continue
    return found


def _broken(changed: Sequence[Path]) -> bool:
    """Whether one of the files cannot be compiled; if so, this prints the error."""
    for path in changed:
        try:
            compile(path.read_bytes(), str(path), "exec")
        except FileNotFoundError:
            continue
        except (SyntaxError, ValueError) as exc:
            line = f", line {exc.lineno}" if isinstance(exc, SyntaxError) else ""
            note(f"error: {path}{line}: {exc.args[0] if exc.args else exc}\n  hint: the machine continues unchanged")
            return True
    return False
