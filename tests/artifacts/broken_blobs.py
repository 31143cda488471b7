"""Stores of content that are wrong, each in its own way. Not collected by itself: test_broken_blobs.py runs it."""

from __future__ import annotations

import os
from pathlib import Path

from hyperverse_artifacts.files import FileBlobs
from hyperverse_artifacts.incoming import Incoming
from hyperverse_core.blobs import PIECE, Blobs, digest_of, hex_of
from hyperverse_core.errors import NotFound
from hyperverse_core.testing import BlobsConformance


class _Trusting(FileBlobs):
    """Takes every piece for what its sender says it is."""

    async def put(self, digest: str, size: int, offset: int, piece: bytes, piece_digest: str) -> bool:
        return await super().put(digest, size, offset, piece, digest_of(piece))


class _Half(FileBlobs):
    """Gives what is there of an upload."""

    async def get(self, digest: str, offset: int = 0, length: int | None = None) -> bytes:
        try:
            return await super().get(digest, offset, length)
        except NotFound:
            return (self._folder / "incoming" / hex_of(digest)).read_bytes()[offset:][:length]


class _Unchecked(FileBlobs):
    """Keeps whatever the pieces make together."""

    async def put(self, digest: str, size: int, offset: int, piece: bytes, piece_digest: str) -> bool:
        incoming, place = Incoming(self._folder / "incoming", hex_of(digest), size), self._place(hex_of(digest))
        if len(await self.missing(digest, size)) > 1 or size <= PIECE:
            return await super().put(digest, size, offset, piece, piece_digest)
        with incoming.data.open("r+b") as file:
            file.seek(offset)
            file.write(piece)
        place.parent.mkdir(exist_ok=True)
        incoming.data.replace(place)
        incoming.journal.unlink()
        return True


class _Blind(FileBlobs):
    """Reads without a look at the digest."""

    async def get(self, digest: str, offset: int = 0, length: int | None = None) -> bytes:
        await super().size(digest)
        try:
            content = self._place(hex_of(digest)).read_bytes()
        except FileNotFoundError:
            raise NotFound("there is no such content") from None
        return content[offset : None if length is None else offset + length]


class _OfFiles(BlobsConformance):
    __test__ = False
    store: type[FileBlobs]

    def make(self, folder: Path) -> Blobs:
        return self.store({"folder": str(folder)})

    def damage(self, folder: Path, digest: str) -> bool:
        place = next(folder.glob(f"content/??/{hex_of(digest)}"))
        with place.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        return True


class TestTrusting(_OfFiles):
    __test__ = True
    store = _Trusting


class TestHalf(_OfFiles):
    __test__ = True
    store = _Half


class TestUnchecked(_OfFiles):
    __test__ = True
    store = _Unchecked


class TestBlind(_OfFiles):
    __test__ = True
    store = _Blind
