"""Doors: where they are opened when nobody says where."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from ...contracts.lane import Endpoint, Identity, LaneReceiver, LaneTransport
from ...errors import BadRequest

__all__ = ["open_door"]

_LONGEST_SOCKET = 100
"""Bytes of a socket's path that every system takes."""


async def open_door(
    transport: LaneTransport, name: str, address: str, identity: Identity, receiver: LaneReceiver, directory: Path
) -> str:
    """Listens at ``address``, or where the transport can when it is empty: a socket in ``directory`` if possible.

    Returns the address that peers connect to. Raises Unavailable and BadRequest as the transport does.
    """
    if not address:
        socket = _socket_path(directory / f"{name}.sock")
        if socket is not None:
            try:
                return await transport.open(Endpoint(name, f"ipc://{socket}", identity), receiver)
            except BadRequest:
                pass  # this transport knows no such addresses, and chooses one itself
    return await transport.open(Endpoint(name, address, identity), receiver)


def _socket_path(wished: Path) -> Path | None:
    """``wished``, or a shorter path in a directory of this user's when it is too long; None when there is none."""
    if len(os.fsencode(wished)) <= _LONGEST_SOCKET:
        return wished
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    directory = Path(base, f"hyperverse-{os.getuid()}")
    name = hashlib.sha256(os.fsencode(wished)).hexdigest()[:20] + ".sock"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    path = directory / name
    return path if private and len(os.fsencode(path)) <= _LONGEST_SOCKET else None
