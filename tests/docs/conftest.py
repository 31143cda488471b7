"""Somebody who reads a page."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.reader import Reader


@pytest.fixture
def reader() -> Iterator[Reader]:
    """With a short path, so that the sockets of machines fit into their folders."""
    with tempfile.TemporaryDirectory(prefix="hv-", ignore_cleanup_errors=True) as folder:
        reader = Reader.sit_down(Path(folder))
        yield reader
        reader.leaves()
