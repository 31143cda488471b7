"""The endpoint file: tells clients where a machine listens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from .private_file import unusable, write_private_file

__all__ = ["CONTROL_FILE", "EndpointFile", "endpoint_files_in", "read_endpoint_file", "write_endpoint_file"]

CONTROL_FILE = "control.json"


class EndpointFile(msgspec.Struct, kw_only=True, rename={"server_key": "door_key"}):
    """Content of ``DATA_DIR/machines/NAME/control.json``: where a machine listens for clients.

    In the file the server key is named ``door_key``, so that clients of other versions find it.

    Attributes:
        name: name of the machine.
        pid: its process id.
        address: address that the machine listens on, in the notation of its transport.
        server_key: public key that the machine proves.
        protocol: highest version number of the wire protocol that the machine understands.
        transport: name of the lane transport.
        local: whether only processes on this computer can reach the address, so that ``pid`` is also valid for a
            client.
        settings: settings of the transport, without secrets.
        older_address, older_key: address where the machine still proves its previous key, and that key; empty when no
            key was replaced recently.
    """

    name: str
    pid: int
    address: str
    server_key: str
    protocol: int
    transport: str
    local: bool = False
    settings: dict[str, Any] = {}
    older_address: str = ""
    older_key: str = ""

    def fields(self) -> dict[str, Any]:
        """Returns the content as a plain map, with the names used in the file."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields


def read_endpoint_file(path: Path) -> EndpointFile | None:
    """Returns the content of an endpoint file; None when the file is missing or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=EndpointFile)
    except (OSError, msgspec.MsgspecError):
        return None


def write_endpoint_file(path: Path, content: EndpointFile) -> None:
    """Writes an endpoint file, which only its owner may read. Raises ConfigError."""
    try:
        write_private_file(path, json.dumps(content.fields(), indent=1) + "\n")
    except OSError as exc:
        raise unusable(path, exc) from exc


def endpoint_files_in(data_dir: Path) -> list[EndpointFile]:
    """Returns the endpoint files of a data directory, sorted by the machine's name.

    A machine removes its file when it stops. A machine that was killed leaves its file.
    """
    paths = sorted(data_dir.glob(f"machines/*/{CONTROL_FILE}"))
    return [found for found in map(read_endpoint_file, paths) if found is not None]
