"""Whether the files of the registry are still those that were opened.

A file that was moved, deleted or replaced stays open: SQLite goes on writing to it, and whoever opens the path finds
another file, or none. What is acknowledged then is gone with the process. So each commit looks first, at the price of
a few system calls of a microsecond.
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
        path: the file of the database, as it was named.
    """

    path: Path
    _known: dict[str, tuple[bool, tuple[int, int]]] = attrs.field(factory=dict)

    def opened(self) -> None:
        """Remembers them; call it when a connection has read and written."""
        named, real = str(self.path.absolute()), str(self.path.resolve())
        # A link behind which the file has come to lie does not count: SQLite looks for the log beside the file.
        links = {named: True, **dict.fromkeys((real, *(real + ending for ending in _BESIDE)), False)}
        found = {name: (follow, _identity(name, follow)) for name, follow in links.items()}
        self._known = {name: (follow, one) for name, (follow, one) in found.items() if one is not None}

    def fault(self) -> str:
        """What has become of one of them; empty while all are in their places, or before they were opened."""
        try:
            self.check()
        except Unavailable as exc:
            return exc.message
        return ""

    def check(self) -> None:
        """Raises Unavailable when one is not in its place. Called for each commit, so it calls nothing of ours."""
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
        hint="put it back, then the machine continues by itself; or stop the machine and restore a backup",
        retry_after=1.0,
    )


def _identity(name: str, follow: bool) -> tuple[int, int] | None:
    try:
        found = os.stat(name, follow_symlinks=follow)  # noqa: PTH116 - as in `check`
    except OSError:
        return None
    return found.st_dev, found.st_ino
