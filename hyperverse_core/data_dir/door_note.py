"""Where clients come in: the file that tells them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

__all__ = ["CONTROL_FILE", "DoorNote", "notes_in", "read_note"]

CONTROL_FILE = "control.json"


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
