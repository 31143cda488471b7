"""Ensures that children that a plugin forks hold no lock of a machine, no socket, and no file of its registry.

A forked child has every open file of its parent. If it outlived a machine that was killed, it would keep the machine's
lock and its addresses, and the machine could not restart. A child that runs another program (``subprocess``) has none
of these files, because Python opens files so that they are closed in that case.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["OwnFiles"]

_FOLDERS: Final = (Path("/proc/self/fd"), Path("/dev/fd"))
_BESIDE: Final = ("-wal", "-shm", "-journal")
_machines: set[OwnFiles] = set()


class OwnFiles:
    """The open files of one machine of this process that forked children must not keep.

    Args:
        lock: path of its lock.
    """

    def __init__(self, lock: Path) -> None:
        self._files = [lock]
        self._paths: set[str] = set()
        self._ports: set[int] = set()
        _machines.add(self)

    def has_database(self, path: Path) -> None:
        """Adds a database that the machine has open: the file, and the files beside it."""
        self._files += [path, *(path.with_name(path.name + ending) for ending in _BESIDE)]

    def listens_at(self, addresses: Iterable[str]) -> None:
        """Adds addresses at which the machine listens.

        Args:
            addresses: addresses as transports write them, with a path or a port after ``://``.
        """
        for address in addresses:
            place = address.partition("://")[2]
            port = place.rpartition(":")[2]
            if place.startswith("/"):
                self._paths.add(place)
            elif port.isdecimal():
                self._ports.add(int(port))

    def forget(self) -> None:
        """Called when the machine has released everything. May be called twice."""
        _machines.discard(self)

    def has(self, number: int) -> bool:
        """Whether an open file is the machine's."""
        found = os.fstat(number)
        if stat.S_ISREG(found.st_mode):
            return any(_is(path, found) for path in self._files)
        return stat.S_ISSOCK(found.st_mode) and self._has_socket(number)

    def _has_socket(self, number: int) -> bool:
        with socket.socket(fileno=os.dup(number)) as other:
            ends = [other.getsockname()]
            with contextlib.suppress(OSError):  # the socket is not connected
                ends.append(other.getpeername())
        return any(
            end in self._paths if isinstance(end, str) else isinstance(end, tuple) and end[1] in self._ports
            for end in ends
        )


def _is(path: Path, found: os.stat_result) -> bool:
    try:
        there = path.stat()
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino)


def _let_go() -> None:
    """Runs in a child that was just forked. An open file is not closed, but replaced by the null device, because code
    in the child that believes it has the old file must not close another file, or unlock it for its parent."""
    if not _machines:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    for number in [int(path.name) for path in folder.iterdir()] if folder is not None else ():
        with contextlib.suppress(
            OSError, ValueError
        ):  # it was the file of the listing itself, or is of an unknown kind
            if any(machine.has(number) for machine in _machines):
                os.dup2(nothing, number, inheritable=False)
    os.close(nothing)
    _machines.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
