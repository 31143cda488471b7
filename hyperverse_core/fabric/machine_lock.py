"""One machine of a name for each data directory. The lock is the kernel's, so it does not outlive its holder."""

from __future__ import annotations

import os
from pathlib import Path

import filelock

from ..errors import ConfigError, Conflict

__all__ = ["MachineLock"]


class MachineLock:
    """Holds ``DATA_DIR/machines/NAME/lock`` as long as the machine runs.

    Attributes:
        index: how many machines of this data directory are older.
    """

    def __init__(self, data_dir: Path, name: str) -> None:
        self._data_dir = data_dir
        self._name = name
        self._lock: filelock.FileLock | None = None
        self.index = 0

    @property
    def directory(self) -> Path:
        """What this machine keeps for itself in the data directory."""
        return self._data_dir / "machines" / self._name

    async def acquire(self) -> None:
        """Makes the directories and takes the lock. Raises Conflict when somebody has it, ConfigError when the
        data directory cannot be written."""
        self._acquire()  # in line: nothing else runs yet, and a loop with a clock of its own has no threads

    def _acquire(self) -> None:
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = filelock.FileLock(self.directory / "lock", timeout=0, thread_local=False, mode=0o600)
            lock.acquire()
        except filelock.Timeout:
            raise Conflict(
                f"a machine named {self._name!r} runs on {str(self._data_dir)!r} already",
                hint="stop it with `hyperverse down`, or give this one another --name or --data-dir",
            ) from None
        except OSError as exc:
            raise ConfigError(
                f"the data directory {str(self._data_dir)!r} cannot be used: {exc.strerror or exc}",
                hint="choose one that you may write to with --data-dir",
            ) from exc
        self._lock = lock
        self.index = self._own_index()
        (self.directory / "pid").write_text(f"{os.getpid()}\n")

    def _own_index(self) -> int:
        """How many machines had come here before this one did for the first time; it is kept."""
        mine = self.directory / "index"
        with filelock.FileLock(self.directory.parent / "lock", timeout=5):
            if not mine.exists():
                taken = [int(path.read_text()) for path in self.directory.parent.glob("*/index")]
                mine.write_text(f"{max(taken, default=-1) + 1}\n")
            return int(mine.read_text())

    async def release(self) -> None:
        """Lets go of it. May be called twice."""
        if self._lock is not None:
            (self.directory / "pid").unlink(missing_ok=True)
            self._lock.release()
            self._lock = None
