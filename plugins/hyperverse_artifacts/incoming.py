"""An upload: a file that is filled piece by piece, and a journal of the pieces in it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from hyperverse_core.blobs import PIECE
from hyperverse_core.errors import Conflict

__all__ = ["Incoming"]


@attrs.frozen
class Incoming:
    """Content that is being uploaded. All methods block and may raise OSError; several processes may call them.

    A journal line has the total size, the offset of a piece and its digest. It is written after the piece, so a killed
    process may leave a piece without a line, but never a line without its piece.

    Attributes:
        folder: the folder of all uploads.
        name: hexadecimal digest of the whole content.
        size: bytes of the whole content.
    """

    folder: Path
    name: str
    size: int

    @property
    def data(self) -> Path:
        """The file with the pieces."""
        return self.folder / self.name

    @property
    def journal(self) -> Path:
        """The journal file, with a line for each piece."""
        return self.folder / f"{self.name}.pieces"

    def missing(self, place: Path) -> list[int]:
        """Returns the offsets of the missing pieces. Empty content is moved to ``place`` immediately. Raises Conflict
        if the upload was started with a different size."""
        if self.size == 0:
            with self._locked() as file:
                self._finish(file, place)
            return []
        if not self.data.exists():
            return list(range(0, self.size, PIECE))
        with self._locked() as file:
            held = {at: piece for at, piece in self._held().items() if _digest(file, at) == piece}
            lines = "".join(f"{self.size} {at} {piece}\n" for at, piece in held.items())
            _write(self.journal, lines, os.O_TRUNC)
            if len(held) == -(-self.size // PIECE):
                self._finish(file, place)
                return []
        return [at for at in range(0, self.size, PIECE) if at not in held]

    def write(self, offset: int, piece: bytes, place: Path) -> bool:
        """Stores a verified piece, and moves the content to ``place`` after the last one. Returns whether the content
        is complete. Raises Conflict if it does not match its digest."""
        with self._locked() as file:
            if place.exists():  # another process stored it first
                self.drop()
                return True
            held = self._held()
            if offset not in held:
                os.pwrite(file, piece, offset)
                _write(self.journal, f"{self.size} {offset} {hashlib.sha256(piece).hexdigest()}\n", os.O_APPEND)
                held[offset] = ""
            if len(held) < -(-self.size // PIECE):
                return False
            self._finish(file, place)
            return True

    def drop(self) -> None:
        """Removes the upload."""
        self.journal.unlink(missing_ok=True)
        self.data.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """Opens the file under a lock, so that no other process writes it. The operating system releases the lock after
        a crash."""
        while True:
            file = os.open(self.data, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _is_at(file, self.data):  # otherwise it was moved while this process waited
                    yield file
                    return
            finally:
                os.close(file)

    def _held(self) -> dict[int, str]:
        """The digests of the pieces on disk, by offset. Raises Conflict for another size."""
        try:
            lines = self.journal.read_text().splitlines(keepends=True)
        except FileNotFoundError:
            return {}
        held: dict[int, str] = {}
        for line in lines:
            words = line.split()
            if len(words) != 3 or not line.endswith("\n"):  # a process was killed in the middle of this line
                continue
            if int(words[0]) != self.size:
                raise Conflict(f"sha256:{self.name} was started with {words[0]} bytes, not {self.size}")
            held[int(words[1])] = words[2]
        return held

    def _finish(self, file: int, place: Path) -> None:
        """Moves the content to its place and syncs it to disk. Raises Conflict if it does not match its digest."""
        os.ftruncate(file, self.size)
        whole = hashlib.sha256()
        for at in range(0, self.size, PIECE):
            whole.update(os.pread(file, PIECE, at))
        if whole.hexdigest() != self.name:
            self.drop()
            raise Conflict(
                f"the {self.size} bytes do not have the digest sha256:{self.name}", hint="send all pieces again"
            )
        os.fsync(file)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        self.data.replace(place)
        self.journal.unlink(missing_ok=True)
        _sync(place.parent)


def _digest(file: int, offset: int) -> str:
    return hashlib.sha256(os.pread(file, PIECE, offset)).hexdigest()


def _is_at(file: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(file), there)


def _write(path: Path, text: str, how: int) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
