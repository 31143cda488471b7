"""Addresses: ``ipc:///path/to/socket`` and ``tcp://host:port``."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import socket
import stat
import tempfile
from pathlib import Path

import attrs

from hyperverse_core.errors import BadRequest, Unavailable

__all__ = ["ZmqAddress", "default_address", "in_use"]

_TCP = re.compile(r"tcp://(\[[0-9a-fA-F:.%\w]+\]|[^\s:/\[\]]+):(\d{1,5}|\*)")
_LONGEST_IPC = 103  # bytes of a socket's path that every POSIX system takes (Linux has 107)
_NOTATION = "ipc:///path/to/socket, tcp://host:port or tcp://127.0.0.1:*"


@attrs.define
class ZmqAddress:
    """An address, and the socket file that belongs to it.

    Attributes:
        address: the address in the notation of ZeroMQ.
    """

    address: str
    _path: Path | None = None
    _inode: int = 0

    @classmethod
    def parse(cls, address: str) -> ZmqAddress:
        """Returns the address that a text says. Raises BadRequest when it is not an address."""
        if address.startswith("ipc://") and len(address) > 6 and "\0" not in address:
            path = address[6:]
            if len(path.encode()) > _LONGEST_IPC:
                raise BadRequest(
                    f"the socket path {path!r} is longer than {_LONGEST_IPC} bytes",
                    hint="choose a shorter folder, such as one below /tmp or /run, or a tcp:// address",
                )
            return cls(address, None if path.startswith("@") else Path(path))
        found = _TCP.fullmatch(address)
        if found is None or (found[2] != "*" and int(found[2]) > 65535):
            raise BadRequest(f"not an address: {address!r}", hint=_NOTATION)
        return cls(address)

    @classmethod
    def choose(cls) -> ZmqAddress:
        """Returns the address of a socket in the folder for temporary files, with a name that cannot be guessed."""
        return cls.parse(f"ipc://{Path(tempfile.gettempdir()) / f'hyperverse-{secrets.token_hex(8)}'}")

    def make_free(self) -> None:
        """Removes the socket that a killed process has left behind. (ZeroMQ by itself would take the address of a
        running process.) Raises Unavailable when a process listens there."""
        if self._path is None or not self._path.exists():
            return
        if not stat.S_ISSOCK(self._path.stat().st_mode):
            raise Unavailable(
                f"there is a file {str(self._path)!r} that is not a socket",
                hint="choose another address, or move that file away",
            )
        if _somebody_listens(self._path):
            raise in_use(self.address)
        self._path.unlink(missing_ok=True)

    def taken(self, address: str) -> None:
        """Notes that we listen now, at the ``address`` that ZeroMQ reports."""
        self.address = address
        if self._path is not None:
            self._inode = self._path.stat().st_ino

    def clear(self) -> None:
        """Removes our socket, unless another process has put its own there."""
        if self._path is not None and self._inode:
            try:
                if self._path.stat().st_ino == self._inode:
                    self._path.unlink()
            except FileNotFoundError:
                pass

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is written as an IPv6 address."""
        return "[" in self.address


def default_address(purpose: str, directory: Path) -> str:
    """Returns the address of the socket ``PURPOSE.sock`` in ``directory``.

    Where its path would be too long for a socket, the socket lies in a folder of this user's below ``XDG_RUNTIME_DIR``
    or the folder for temporary files, with a name that depends on the path. Empty when there is no such folder that
    belongs to this user alone.
    """
    wished = directory / f"{purpose}.sock"
    if len(os.fsencode(wished)) <= _LONGEST_IPC:
        return f"ipc://{wished}"
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(base, f"hyperverse-{os.getuid()}")
    path = folder / (hashlib.sha256(os.fsencode(wished)).hexdigest()[:20] + ".sock")
    if len(os.fsencode(path)) > _LONGEST_IPC or not _is_private(folder):
        return ""
    return f"ipc://{path}"


def _is_private(folder: Path) -> bool:
    """Makes ``folder`` if it is missing; whether nobody but this user may enter it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def in_use(address: str) -> Unavailable:
    """Returns the error for an address that another process uses."""
    return Unavailable(
        f"the address {address!r} is in use",
        hint="stop the machine that runs there, or choose another address",
    )


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(str(path))
    return code not in (errno.ECONNREFUSED, errno.ENOENT)
