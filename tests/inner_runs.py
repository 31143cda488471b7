"""Tests that start pytest give it a folder of its own for what is temporary.

A run of pytest ends by deleting what earlier runs of the same user have left. After a run of the whole suite that can
take two minutes, longer than a test waits for the small run that it has started.

It is a plugin of pytest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest

__all__ = ["folder_of_inner_runs"]

_VARIABLE = "PYTEST_DEBUG_TEMPROOT"


@pytest.fixture(scope="session", autouse=True)
def folder_of_inner_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tells the runs that are started from now on; this one keeps the folder that it has. The name is short, because
    the paths of sockets have to be."""
    tmp_path_factory.getbasetemp()
    with (
        tempfile.TemporaryDirectory(prefix="hv-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(_VARIABLE, folder)
        yield
