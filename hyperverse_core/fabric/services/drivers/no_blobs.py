"""The blob store of a machine that has none."""

from __future__ import annotations

from collections.abc import Sequence

from ....contracts.blobs import BlobInfo, Blobs
from ....errors import NoDriver

__all__ = ["NoBlobs"]


class NoBlobs(Blobs):
    """Replaces the store if no plugin provides one. Its errors tell the caller which plugin is missing."""

    async def open(self) -> None:
        """Does nothing."""

    async def close(self) -> None:
        """Does nothing."""

    async def missing(self, digest: str, size: int) -> Sequence[int]:
        """Raises NoDriver."""
        raise _none()

    async def put(self, digest: str, size: int, offset: int, piece: bytes, piece_digest: str) -> bool:
        """Raises NoDriver."""
        raise _none()

    async def get(self, digest: str, offset: int = 0, length: int | None = None) -> bytes:
        """Raises NoDriver."""
        raise _none()

    async def size(self, digest: str) -> int | None:
        """Raises NoDriver."""
        raise _none()

    async def delete(self, digest: str) -> bool:
        """Raises NoDriver."""
        raise _none()

    async def blobs(self) -> Sequence[BlobInfo]:
        """Raises NoDriver."""
        raise _none()


def _none() -> NoDriver:
    return NoDriver("this machine has no blob store", hint="enable the plugin `artifacts`")
