"""Allows one machine of each name per data directory. The lock belongs to the kernel, so it ends with the process that
holds it."""

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
    """Returns the command that corrects the owner or the mode of a directory that others can write to."""
    name = shlex.quote(str(path))
    if path.stat().st_uid not in (0, os.geteuid()):
        return f"choose another with --data-dir, or take ownership: sudo chown -R {os.geteuid()} {name}"
    return f"if you trust its content: chmod go-w {name}"


class MachineLock:
    """Holds ``DATA_DIR/machines/NAME/lock`` while the machine runs.

    Attributes:
        index: number of machines that used this data directory before this one.
    """

    def __init__(self, data_dir: Path, name: str) -> None:
        self._data_dir = data_dir
        self._name = name
        self._lock: filelock.FileLock | None = None
        self.index = 0

    @property
    def directory(self) -> Path:
        """The machine's own directory within the data directory."""
        return self._data_dir / "machines" / self._name

    async def acquire(self) -> None:
        """Creates the directories and takes the lock. Raises Conflict if another machine holds it, ConfigError if the
        data directory cannot be written to."""
        self._acquire()  # inline: nothing else runs yet, and a loop with a simulated clock has no threads

    def _acquire(self) -> None:
        try:
            make_private_directory(self._data_dir)
            make_private_directory(self.directory)
            self._check_own()
            lock = filelock.FileLock(self.directory / "lock", timeout=0, thread_local=False, mode=0o600)
            lock.acquire()
        except filelock.Timeout:
            raise Conflict(
                f"a machine named {self._name!r} already runs on {str(self._data_dir)!r}",
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
        """Makes the directories of this machine accessible to their owner only, even if others may enter the data
        directory. Raises ConfigError if another user could write there, because a user who can write a key or a token
        gets access."""
        for path in (self._data_dir, self._data_dir / "keys", self.directory.parent, self.directory):
            if not path.exists():
                continue
            why = distrust(path)
            if why:
                raise ConfigError(f"{why}, so it cannot be used for a machine", hint=_mend(path))
            mode = path.stat().st_mode
            if path != self._data_dir and mode & (stat.S_IRWXG | stat.S_IRWXO) and path.stat().st_uid == os.geteuid():
                path.chmod(0o700)

    def _own_index(self) -> int:
        """Returns the number of machines that used this data directory before this one first did. The number is kept in
        a file."""
        mine = self.directory / "index"
        with filelock.FileLock(self.directory.parent / "lock", timeout=5, mode=0o600):
            if not mine.exists():
                taken = [int(path.read_text()) for path in self.directory.parent.glob("*/index")]
                write_private_file(mine, f"{max(taken, default=-1) + 1}\n")
            return int(mine.read_text())

    async def release(self) -> None:
        """Releases the lock. May be called twice."""
        if self._lock is not None:
            (self.directory / "pid").unlink(missing_ok=True)
            self._lock.release()
            self._lock = None
