"""Where the keys of a data directory lie: each transport has keys of its own form."""

from __future__ import annotations

from pathlib import Path

from .schema import DEFAULT_TRANSPORT

__all__ = ["keys_folder"]


def keys_folder(data_dir: Path, transport: str) -> Path:
    """The folder with the keys of a transport. Those of the default one lie where keys lay before there was another.

    Args:
        data_dir: the data directory.
        transport: what the config calls it.
    """
    folder = data_dir / "keys"
    return folder if transport == DEFAULT_TRANSPORT else folder / transport
