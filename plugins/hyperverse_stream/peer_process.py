"""Finds the process at the other end of a Unix socket. The answer comes from the system, so it cannot be forged."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from pathlib import Path
from typing import Final

import attrs

__all__ = ["UNKNOWN", "PeerProcess"]

_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group
_NOT_RUNNING: Final = frozenset("TtZXx")
"""Letters in ``/proc/PID/stat`` for: stopped by a signal, stopped by a debugger, ended."""


@attrs.frozen
class PeerProcess:
    """The process at the other end of a connection.

    Attributes:
        pid: its process id on this computer; 0 when unknown.
        user: id of its user; None when unknown.
    """

    pid: int = 0
    user: int | None = None

    @classmethod
    def of(cls, transport: asyncio.BaseTransport) -> PeerProcess:
        """Returns the process at the other end. It is unknown over TCP, and where the system does not report it.

        Args:
            transport: the connection.
        """
        end = transport.get_extra_info("socket")
        option = getattr(socket, "SO_PEERCRED", None)
        if end is None or option is None or end.family != socket.AF_UNIX:
            return UNKNOWN
        with socket.socket(fileno=os.dup(end.fileno())) as same:  # asyncio's own object lacks some methods
            pid, user, _ = _CREDENTIALS.unpack(same.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
        return cls(pid, user)

    def is_ours(self) -> bool:
        """Whether it belongs to this user or to root. True when unknown: then only the keys count."""
        return self.user is None or self.user in (os.getuid(), 0)

    def runs(self) -> bool:
        """Whether it is certainly running now: it exists and is not suspended. If such a process is silent, something
        blocks its event loop."""
        if not self.pid:
            return False
        try:
            said = Path(f"/proc/{self.pid}/stat").read_text("utf-8", "replace")
        except OSError:  # the process has ended, or this system has no such file
            return False
        return said.rpartition(")")[2].split()[0] not in _NOT_RUNNING


UNKNOWN: Final = PeerProcess()
"""The process of a peer on another computer."""
