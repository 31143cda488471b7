"""The directory in which the registries of one user on one host find one another, for tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["shared_folder"]


@contextmanager
def shared_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A host of a test's own. Gives the directory, which does not exist yet; its path is short enough for a socket."""
    base = Path(tempfile.mkdtemp(prefix="hv-run-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    try:
        yield base / f"hyperverse-{os.getuid()}"
    finally:
        shutil.rmtree(base)
