"""Writes a version as an OCI image layout."""

from __future__ import annotations

from pathlib import Path

from hyperverse_core import Client, Point
from hyperverse_core.blobs import digest_of, hex_of
from hyperverse_core.errors import Conflict

from .oci import LAYOUT, config_of, index_of, manifest_of, ordered
from .reading import files_of, read_file, write_whole

__all__ = ["export_oci"]


async def export_oci(client: Client, point: str, folder: Path) -> str:
    """Writes a version into a folder that is empty or does not exist, ``index.json`` last.

    Returns:
        the digest of the image.

    Raises:
        Conflict: the folder is not empty.
        HyperverseError: the machine refused.
    """
    _check_empty(folder)
    files = ordered(await files_of(client, point))
    first = b""
    for number, file in enumerate(files):
        content = await read_file(client, point, file)
        first = content if number == 0 else first
        _keep(folder, content)
    config = config_of(files, first)
    manifest = manifest_of(files, config)
    _keep(folder, config[1])
    _keep(folder, manifest)
    write_whole(folder / "oci-layout", LAYOUT)
    write_whole(folder / "index.json", index_of(manifest, Point.parse(point).name))
    return digest_of(manifest)


def _check_empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{str(folder)!r} is not empty", hint="name a new folder")


def _keep(folder: Path, content: bytes) -> None:
    write_whole(folder / "blobs" / "sha256" / hex_of(digest_of(content)), content)
