"""One machine of a name for each data directory. The lock is the kernel's, so it does not outlive its holder."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import filelock

from ..config.trust import distrust
from ..data_dir.private_file import make_private_directory, write_private_file
from ..errors import ConfigError, Conflict

__all__ = ["MachineLock"]


def _mend(path: Path) -> str:
    """Returns the command that mends a directory which is not ours alone."""
    name = shlex.quote(str(path))
    if path.stat().st_uid not in (0, os.geteuid()):
        return f"choose another with --data-dir, or make it yours: sudo chown -R {os.geteuid()} {name}"
    return f"if you trust what is in it: chmod go-w {name}"


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
            make_private_directory(self._data_dir)
            make_private_directory(self.directory)
            self._check_own()
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
        write_private_file(self.directory / "pid", f"{os.getpid()}\n")

    def _check_own(self) -> None:
        """Keeps the directories of this machine to their owner, below a data directory that others may enter. Raises
        ConfigError when somebody else could put files there: whoever can write a key or a token is let in by it."""
        for path in (self._data_dir, self._data_dir / "keys", self.directory.parent, self.directory):
            if not path.exists():
                continue
            why = distrust(path)
            if why:
                raise ConfigError(f"{why}, and so it cannot be used for a machine", hint=_mend(path))
            mode = path.stat().st_mode
            if path != self._data_dir and mode & (stat.S_IRWXG | stat.S_IRWXO) and path.stat().st_uid == os.geteuid():
                path.chmod(0o700)

    def _own_index(self) -> int:
        """How many machines had come here before this one did for the first time; it is kept."""
        mine = self.directory / "index"
        with filelock.FileLock(self.directory.parent / "lock", timeout=5, mode=0o600):
            if not mine.exists():
                taken = [int(path.read_text()) for path in self.directory.parent.glob("*/index")]
                write_private_file(mine, f"{max(taken, default=-1) + 1}\n")
            return int(mine.read_text())

    async def release(self) -> None:
        """Lets go of it. May be called twice."""
        if self._lock is not None:
            (self.directory / "pid").unlink(missing_ok=True)
            self._lock.release()
            self._lock = None
