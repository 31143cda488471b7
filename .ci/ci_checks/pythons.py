"""The Pythons of this computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["WANTED", "Python", "find"]

WANTED = ("3.11", "3.12", "3.13", "3.14")
"""The versions that the project is for."""
_ASK = "import sys, venv, ensurepip; print('.'.join(map(str, sys.version_info[:3])), sys.executable)"


@dataclass(frozen=True)
class Python:
    """One interpreter.

    Attributes:
        minor: its version, ``3.11``.
        version: all of it, ``3.11.7``.
        path: where it is.
    """

    minor: str
    version: str
    path: Path


def find(first: str = sys.executable) -> dict[str, Python | None]:
    """An interpreter for each wanted version, ``first`` for its own; None for a version that is not here.

    They are looked for as ``python3.12`` on the PATH, which is where Debian installs them, among the versions of pyenv,
    and with uv. One that cannot make virtual environments does not count.
    """
    found: dict[str, Python | None] = dict.fromkeys(WANTED)
    own = _asked(Path(first))
    for minor in WANTED:
        candidates = (python for path in _places(minor) if (python := _asked(path)) and python.minor == minor)
        found[minor] = own if own is not None and own.minor == minor else next(candidates, None)
    return found


def _places(minor: str) -> Iterator[Path]:
    """Where an interpreter of a version may be, the likeliest first."""
    on_path = shutil.which(f"python{minor}")
    if on_path:
        yield Path(on_path)
    root = Path(os.environ.get("PYENV_ROOT") or _said("pyenv", "root") or Path.home() / ".pyenv")
    yield from sorted(root.glob(f"versions/{minor}.*/bin/python{minor}"), reverse=True)
    by_uv = _said("uv", "python", "find", "--no-python-downloads", minor)
    if by_uv:
        yield Path(by_uv)


def _said(*command: str) -> str:
    """What a program prints; empty if it is not here or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _asked(path: Path) -> Python | None:
    """What an interpreter says of itself; None if it is none, as pyenv's shims are for versions that are not set."""
    version, _, where = _said(str(path), "-c", _ASK).partition(" ")
    return Python(".".join(version.split(".")[:2]), version, Path(where)) if where else None
