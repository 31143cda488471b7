"""FileBlobs: content in a folder, by digest.

``content/ab/abcdef...`` contains complete content, ``incoming/abcdef...`` an upload with a journal of its pieces, and
``damaged/`` content that no longer matches its digest. A file is renamed into ``content`` once it matches its digest
and has been written to disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from hyperverse_core.blobs import PIECE, BlobInfo, Blobs, digest_of, hex_of
from hyperverse_core.errors import BadRequest, ConfigError, Conflict, NotFound, Unavailable

from .incoming import Incoming

__all__ = ["FileBlobs"]

T = TypeVar("T")
_REMEMBERED = 512


class FileBlobs(Blobs):
    """Stores content in a folder. Several processes may share the folder.

    Args:
        settings: ``folder``, where the content is stored; the machine sets it if ``[blobs]`` does not.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        unknown = sorted(set(settings) - {"folder"})
        folder = settings.get("folder")
        if unknown or not isinstance(folder, str) or not folder:
            what = f"it has no setting {unknown[0]!r}" if unknown else "folder must be a path"
            raise ConfigError(f"the blob store `files`: {what}", hint="its only setting is folder")
        self._folder = Path(folder)
        self._threads: ThreadPoolExecutor | None = None
        self._checked: OrderedDict[str, tuple[bytes, ...]] = OrderedDict()
        """Digests of the pieces, for content that this process has verified as a whole."""

    async def open(self) -> None:
        """Makes the folders."""
        try:
            for name in ("content", "incoming", "damaged"):
                (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
        except OSError as exc:
            raise ConfigError(
                f"the blob store {str(self._folder)!r} cannot be used: {exc.strerror}",
                hint="name another folder in [blobs]",
            ) from exc
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="hyperverse-blobs")

    async def close(self) -> None:
        """Waits for operations in progress."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.get_running_loop().run_in_executor(None, threads.shutdown)

    async def missing(self, digest: str, size: int) -> Sequence[int]:
        """Compares the pieces on disk with their digests."""
        incoming = self._incoming(digest, size)
        return await self._run(lambda: self._missing(incoming))

    async def put(self, digest: str, size: int, offset: int, piece: bytes, piece_digest: str) -> bool:
        """Writes the piece, and then its line in the journal."""
        incoming = self._incoming(digest, size)
        length = min(PIECE, size - offset)
        if type(offset) is not int or offset < 0 or offset % PIECE or length <= 0 or len(piece) != length:
            raise BadRequest(
                f"{len(piece)} bytes at {offset} are not a piece of {size} bytes",
                hint=f"a piece must begin at a multiple of  {PIECE} and have {PIECE} bytes, except for the last one",
            )
        hex_of(piece_digest)

        def write() -> bool:
            if digest_of(piece) != piece_digest:
                raise BadRequest(f"the piece at {offset} of {digest} does not have the digest {piece_digest}")
            return self._touched(incoming) or incoming.write(offset, piece, self._place(incoming.name))

        return await self._run(write)

    async def get(self, digest: str, offset: int = 0, length: int | None = None) -> bytes:
        """Hashes the whole content once per process, and the pieces of the range every time."""
        name = hex_of(digest)
        if offset < 0 or (length is not None and length < 0):
            raise BadRequest(f"there is no range of {length} bytes at {offset}", hint="both are 0 or more")
        return await self._run(lambda: self._read(name, offset, length))

    async def size(self, digest: str) -> int | None:
        """Asks the file system."""
        place = self._place(hex_of(digest))
        return await self._run(lambda: place.stat().st_size if place.is_file() else None)

    async def delete(self, digest: str) -> bool:
        """Removes the file and its upload."""
        name = hex_of(digest)

        def remove() -> bool:
            self._checked.pop(name, None)
            there = self._place(name).exists()
            self._place(name).unlink(missing_ok=True)
            Incoming(self._folder / "incoming", name, 0).drop()
            return there

        return await self._run(remove)

    async def blobs(self) -> Sequence[BlobInfo]:
        """Lists the folder."""

        def look() -> list[BlobInfo]:
            found = []
            for place in sorted((self._folder / "content").glob("??/*")):
                at = place.stat()
                found.append(BlobInfo(f"sha256:{place.name}", at.st_size, at.st_mtime))
            return found

        return await self._run(look)

    async def sweep(self, older_than: float) -> int:
        """Removes uploads by the time of their last piece."""

        def remove() -> int:
            count = 0
            for each in (self._folder / "incoming").iterdir():
                data = each.with_suffix("")
                if each != data and data.exists():
                    continue  # a journal; a process that was killed near the end may have left one without its file
                if each.stat().st_mtime < time.time() - older_than:
                    Incoming(data.parent, data.name, 0).drop()
                    count += 1
            return count

        return await self._run(remove)

    # -- in a thread --------------------------------------------------------------------------------------

    async def _run(self, do: Callable[[], T]) -> T:
        if self._threads is None:
            raise Unavailable("the blob store is closed")

        def told() -> T:
            try:
                return do()
            except OSError as exc:
                raise Unavailable(
                    f"the blob store {str(self._folder)!r} cannot be used: {exc.strerror or exc}",
                    hint="check the disk and the permissions of that folder",
                ) from exc

        return await asyncio.get_running_loop().run_in_executor(self._threads, told)

    def _incoming(self, digest: str, size: int) -> Incoming:
        name = hex_of(digest)
        if type(size) is not int or size < 0:
            raise BadRequest(f"content cannot have {size!r} bytes", hint="write a whole number from 0")
        return Incoming(self._folder / "incoming", name, size)

    def _place(self, name: str) -> Path:
        return self._folder / "content" / name[:2] / name

    def _touched(self, incoming: Incoming) -> bool:
        """Whether the content exists; if so, resets its age. Raises Conflict if it has a different size."""
        place = self._place(incoming.name)
        try:
            size = place.stat().st_size
            os.utime(place)
        except FileNotFoundError:
            return False
        if size != incoming.size:
            raise Conflict(f"sha256:{incoming.name} has {size} bytes, not {incoming.size}")
        return True

    def _missing(self, incoming: Incoming) -> Sequence[int]:
        if self._touched(incoming):
            return ()
        return incoming.missing(self._place(incoming.name))

    def _read(self, name: str, offset: int, length: int | None) -> bytes:
        try:
            with self._place(name).open("rb") as file:
                pieces = self._checked.get(name)
                if pieces is None:
                    pieces = self._check(name, file)
                return self._range(name, file, pieces, offset, length)
        except FileNotFoundError:
            raise NotFound(f"there is no content sha256:{name} here") from None

    def _check(self, name: str, file: Any) -> tuple[bytes, ...]:
        """Compares the whole content with its digest. Raises Unavailable."""
        whole, pieces = hashlib.sha256(), []
        while piece := file.read(PIECE):
            whole.update(piece)
            pieces.append(hashlib.sha256(piece).digest())
        if whole.hexdigest() != name:
            raise self._damaged(name)
        self._checked[name] = checked = tuple(pieces)
        while len(self._checked) > _REMEMBERED:
            self._checked.popitem(last=False)
        return checked

    def _range(self, name: str, file: Any, pieces: tuple[bytes, ...], offset: int, length: int | None) -> bytes:
        if os.fstat(file.fileno()).st_size > len(pieces) * PIECE:
            raise self._damaged(name)
        end = len(pieces) * PIECE if length is None else offset + length
        found = []
        for number in range(offset // PIECE, min(len(pieces), -(-end // PIECE))):
            file.seek(number * PIECE)
            piece = file.read(PIECE)
            if hashlib.sha256(piece).digest() != pieces[number]:
                raise self._damaged(name)
            found.append(piece[max(0, offset - number * PIECE) : max(0, end - number * PIECE)])
        return b"".join(found)

    def _damaged(self, name: str) -> Unavailable:
        """Sets aside content that no longer matches its digest."""
        self._checked.pop(name, None)
        self._place(name).replace(self._folder / "damaged" / name)
        return Unavailable(
            f"the content sha256:{name} was damaged in {str(self._folder)!r}, and was set aside",
            hint="it is fetched again from a machine that has it; if no machine has it, publish it again",
        )
