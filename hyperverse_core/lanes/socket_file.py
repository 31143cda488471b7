"""SocketFile: the file of a Unix socket at which a process listens."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import socket
import stat
import tempfile
from pathlib import Path

import attrs

from ..errors import BadRequest, Unavailable

__all__ = ["SocketFile"]

_LONGEST = 103
"""Longest path of a socket, in bytes, that every POSIX system accepts. (Linux accepts 107.)"""


@attrs.define
class SocketFile:
    """The path of a Unix socket, with the steps before and after a process listens there.

    Attributes:
        path: path of the file.
    """

    path: Path
    _inode: int = 0

    @classmethod
    def at(cls, path: str) -> SocketFile:
        """Returns the socket file at a path.

        Args:
            path: path of the file.

        Raises:
            BadRequest: the path is empty, has a NUL, or is longer than every system accepts.
        """
        if not path or "\0" in path:
            raise BadRequest(f"not the path of a socket: {path!r}", hint="/path/to/socket")
        if len(os.fsencode(path)) > _LONGEST:
            raise BadRequest(
                f"the socket path {path!r} is longer than {_LONGEST} bytes",
                hint="choose a shorter directory, such as one below /tmp or /run, or a tcp:// address",
            )
        return cls(Path(path))

    @classmethod
    def temporary(cls) -> SocketFile:
        """Returns a socket file in the directory for temporary files, with a name that cannot be guessed."""
        return cls.at(str(Path(tempfile.gettempdir()) / f"hyperverse-{secrets.token_hex(8)}"))

    @classmethod
    def default(cls, purpose: str, directory: Path) -> SocketFile | None:
        """Returns ``PURPOSE.sock`` in ``directory``.

        Where that path would be too long for a socket, the file is in a directory of this user below
        ``XDG_RUNTIME_DIR`` or the directory for temporary files, with a name derived from the path.

        Args:
            purpose: the purpose of the socket, which becomes the name of the file.
            directory: a directory that only this user may enter.

        Returns:
            the file; None if no directory belongs only to this user.
        """
        wished = directory / f"{purpose}.sock"
        if len(os.fsencode(wished)) <= _LONGEST:
            return cls(wished)
        return cls.of_user(hashlib.sha256(os.fsencode(wished)).hexdigest()[:20])

    @classmethod
    def of_user(cls, name: str) -> SocketFile | None:
        """Returns ``NAME.sock`` in the directory for the sockets of this user on this host: ``hyperverse-UID`` below
        ``XDG_RUNTIME_DIR`` or the directory for temporary files. It is created if it does not exist.

        Args:
            name: the name of the file, without its ending.

        Returns:
            the file; None if the path is too long for a socket, or the directory does not belong only to this user.
        """
        base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        folder = Path(base, f"hyperverse-{os.getuid()}")
        path = folder / f"{name}.sock"
        if len(os.fsencode(path)) > _LONGEST or not _is_private(folder):
            return None
        return cls(path)

    def make_free(self, address: str) -> None:
        """Removes the socket file that a killed process left behind.

        Args:
            address: the address in the form for users, for the error.

        Raises:
            Unavailable: a process listens there, or the file is not a socket.
        """
        if not self.path.exists():
            return
        if not stat.S_ISSOCK(self.path.stat().st_mode):
            raise Unavailable(
                f"there is a file {str(self.path)!r} that is not a socket",
                hint="choose another address, or move that file away",
            )
        if _somebody_listens(self.path):
            raise Unavailable(
                f"the address {address!r} is in use",
                hint="stop the machine that runs there, or choose another address",
            )
        self.path.unlink(missing_ok=True)

    def taken(self) -> None:
        """Records that this process now listens there."""
        self._inode = self.path.stat().st_ino

    def clear(self) -> None:
        """Removes the socket file of this process, unless another process has replaced it."""
        if not self._inode:
            return
        try:
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        except FileNotFoundError:
            pass


def _is_private(folder: Path) -> bool:
    """Makes ``folder`` if it is missing. Returns whether only this user may enter it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(str(path))
    return code not in (errno.ECONNREFUSED, errno.ENOENT)
