"""Where clients come in: the address of the door, and the file that tells them."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from .contracts.lane import Door, Identity, LaneReceiver, LaneTransport
from .errors import BadRequest

__all__ = ["CONTROL_FILE", "DoorNote", "notes_in", "open_door", "read_note"]

CONTROL_FILE = "control.json"
_LONGEST_SOCKET = 100
"""Bytes of a socket's path that every system takes."""


class DoorNote(msgspec.Struct, kw_only=True):
    """Content of ``DATA_DIR/machines/NAME/control.json``: where a machine listens for clients.

    Attributes:
        name: of the machine.
        pid: of its process.
        address, door_key: where it listens, and the public key that its door proves.
        protocol: that it speaks.
        transport: name of the lane transport that the address is for.
    """

    name: str
    pid: int
    address: str
    door_key: str
    protocol: int
    transport: str

    def fields(self) -> dict[str, Any]:
        """As a plain map."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields


def read_note(path: Path) -> DoorNote | None:
    """What the file says; None when it is not there or cannot be understood."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=DoorNote)
    except (OSError, msgspec.MsgspecError):
        return None


def notes_in(data_dir: Path) -> list[DoorNote]:
    """Of every machine in a data directory that was not stopped, by name. Some may have been killed."""
    paths = sorted(data_dir.glob(f"machines/*/{CONTROL_FILE}"))
    return [note for note in map(read_note, paths) if note is not None]


async def open_door(
    transport: LaneTransport, address: str, identity: Identity, receiver: LaneReceiver, directory: Path
) -> str:
    """Listens at ``address``, or where the transport can when it is empty: a socket in ``directory`` if possible.

    Returns the address that clients connect to. Raises Unavailable and BadRequest as the transport does.
    """
    if not address:
        socket = _socket_path(directory / "clients.sock")
        if socket is not None:
            try:
                return await transport.open(Door("clients", f"ipc://{socket}", identity), receiver)
            except BadRequest:
                pass  # this transport knows no such addresses, and chooses one itself
    return await transport.open(Door("clients", address, identity), receiver)


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
