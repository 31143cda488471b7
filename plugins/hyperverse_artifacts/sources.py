"""Sources: the files of a folder or of a zip file to publish, on the client's computer."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from hyperverse_core.blobs import PIECE
from hyperverse_core.errors import BadRequest, NotFound

from .manifest import Budget
from .names import check_paths
from .zips import zip_files

__all__ = ["Source", "source_of", "sources_of"]


@attrs.frozen
class Source:
    """A file to publish.

    Attributes:
        path: its path in the bundle.
        file: path of its content on this computer.
        size: its size in bytes.
        digest: its digest.
    """

    path: str
    file: Path
    size: int
    digest: str

    def piece(self, offset: int) -> bytes:
        """Returns the piece at ``offset``. Raises BadRequest if the file has changed meanwhile."""
        with self.file.open("rb") as file:
            file.seek(offset)
            piece = file.read(PIECE)
        if len(piece) != min(PIECE, self.size - offset):
            raise BadRequest(f"{str(self.file)!r} changed while it was being published", hint="publish again")
        return piece


@contextmanager
def sources_of(given: Path, budget: Budget) -> Iterator[list[Source]]:
    """Yields the files of a folder or of a zip file. A zip file is unpacked into a private folder, which is removed at
    the end.

    In a folder, files and folders whose names begin with ``.``, and folders ``__pycache__``, are left out.

    Raises:
        NotFound: there is no such folder or file.
        BadRequest: a file is a link or its name is not allowed, there is no file, or the zip file is damaged.
        TooLarge: the files exceed ``budget``.
    """
    if given.is_dir():
        yield _folder(given, budget)
        return
    if not given.is_file():
        raise NotFound(f"there is no folder or zip file {str(given)!r}")
    with tempfile.TemporaryDirectory(prefix="hyperverse-") as private:
        sources: list[Source] = []
        with given.open("rb") as file:
            for path, content in zip_files(file, budget):
                place = Path(private, str(len(sources)))
                place.write_bytes(content)
                sources.append(source_of(path, place))
        yield _some(sources, given)


def _folder(folder: Path, budget: Budget) -> list[Source]:
    found = sorted(_walk(folder, ""))
    budget.check(len(found), sum(file.stat().st_size for _, file in found))
    check_paths(path for path, _ in found)
    return _some([source_of(path, file) for path, file in found], folder)


def _some(sources: list[Source], given: Path) -> list[Source]:
    if not sources:
        raise BadRequest(f"there is nothing to publish in {str(given)!r}", hint="add at least one file")
    return sources


def _walk(folder: Path, above: str) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            path = above + entry.name
            if entry.is_symlink():
                raise BadRequest(
                    f"the file {path!r} is a link", hint="a bundle contains regular files only: copy the file"
                )
            if entry.is_dir():
                yield from _walk(Path(entry), f"{path}/")
            elif stat.S_ISREG(entry.stat().st_mode):
                yield path, Path(entry)
            else:
                raise BadRequest(
                    f"the file {path!r} is not a regular file", hint="a bundle contains regular files only"
                )


def source_of(path: str, file: Path) -> Source:
    """Returns the source of a file of this computer. It blocks."""
    whole, size = hashlib.sha256(), 0
    with file.open("rb") as opened:
        while part := opened.read(PIECE):
            whole.update(part)
            size += len(part)
    return Source(path, file, size, f"sha256:{whole.hexdigest()}")
