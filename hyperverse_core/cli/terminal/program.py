"""The command with which this program starts another process of itself."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["program"]


def program() -> list[str]:
    """Returns the words that start the ``hyperverse`` program, to be followed by its arguments.

    ``python -m`` searches the working directory first, which may belong to somebody else. The new process does so only
    if this one does.
    """
    here = sys.path[0] if sys.path else ""
    safe = [] if not here or _is_working_directory(here) else ["-P"]
    return [sys.executable, *safe, "-m", "hyperverse_core.cli"]


def _is_working_directory(path: str) -> bool:
    try:
        return Path(path).samefile(Path.cwd())
    except OSError:
        return False
