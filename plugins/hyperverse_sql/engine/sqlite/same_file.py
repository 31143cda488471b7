"""Checks that the files of the registry are still the ones that were opened.

A file that is moved, deleted or replaced stays open: SQLite continues to write to it, while another process that opens
the path finds a different file, or none. Writes acknowledged then are lost when the process ends. So each commit
checks first, at the cost of a few system calls of a microsecond.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from hyperverse_core.errors import Unavailable

__all__ = ["OpenFiles"]

_BESIDE = ("-wal", "-shm")


@attrs.define(eq=False)
class OpenFiles:
    """The files of one registry, as they were when it was opened.

    Attributes:
        path: the database file, as it was configured.
    """

    path: Path
    _known: dict[str, tuple[bool, tuple[int, int]]] = attrs.field(factory=dict)

    def opened(self) -> None:
        """Remembers the files; call it when a connection has read and written."""
        named, real = str(self.path.absolute()), str(self.path.resolve())
        # A file that was moved and replaced by a link to it counts as moved: SQLite looks for the log beside the file.
        links = {named: True, **dict.fromkeys((real, *(real + ending for ending in _BESIDE)), False)}
        found = {name: (follow, _identity(name, follow)) for name, follow in links.items()}
        self._known = {name: (follow, one) for name, (follow, one) in found.items() if one is not None}

    def fault(self) -> str:
        """Returns what happened to one of them; empty while all are in their places, or before they were opened."""
        try:
            self.check()
        except Unavailable as exc:
            return exc.message
        return ""

    def check(self) -> None:
        """Raises Unavailable when a file is not in its place. Runs at each commit, so it calls no other function."""
        for name, (follow, known) in self._known.items():
            try:
                found = os.stat(name, follow_symlinks=follow)  # noqa: PTH116 - half of the time of Path.stat
            except OSError:
                raise _misplaced(name, "moved or deleted") from None
            if (found.st_dev, found.st_ino) != known:
                raise _misplaced(name, "replaced")


def _misplaced(name: str, how: str) -> Unavailable:
    return Unavailable(
        f"nothing was written, because {name!r} was {how} while this machine ran",
        hint="put it back, and the machine continues by itself; or stop the machine and restore a backup",
        retry_after=1.0,
    )


def _identity(name: str, follow: bool) -> tuple[int, int] | None:
    try:
        found = os.stat(name, follow_symlinks=follow)  # noqa: PTH116 - as in `check`
    except OSError:
        return None
    return found.st_dev, found.st_ino
