"""Which user of this computer is at the other end of a Unix socket: the system says it, so nobody can lie."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

__all__ = ["is_ours"]

_CREDENTIALS = struct.Struct("3i")  # process, user, group


def is_ours(transport: asyncio.BaseTransport) -> bool:
    """Whether the other side belongs to this user or to root. True where the system does not tell, and over TCP: there
    only the keys count.

    Args:
        transport: the connection.
    """
    end = transport.get_extra_info("socket")
    option = getattr(socket, "SO_PEERCRED", None)
    if end is None or option is None or end.family != socket.AF_UNIX:
        return True
    with socket.socket(fileno=os.dup(end.fileno())) as same:  # asyncio's own object has not all of the methods
        _, user, _ = _CREDENTIALS.unpack(same.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return user in (os.getuid(), 0)
