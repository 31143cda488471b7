"""A machine with a repository, and clients of users that have no rights there."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import pytest_asyncio

from hyperverse_core import Machine

__all__ = ["SERIES", "zipped"]

SERIES = "localhost:repo:my"


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return packed.getvalue()


@pytest_asyncio.fixture
async def repo(machine: Machine) -> Machine:
    """A machine with the series ``localhost:repo:my``."""
    await machine.client().exec(
        f"create localhost<Space>; create localhost:repo<Repo>; create {SERIES}<BundleSeries>;"
        "create localhost:users<UserBase<Keycloak>>; create localhost:users:eve<User>"
    )
    return machine
