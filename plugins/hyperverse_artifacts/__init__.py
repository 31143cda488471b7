"""The plugin ``artifacts``: versions of published files, and the store of their content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperverse_core import Driver, Register, hookimpl

__all__ = [
    "hyperverse_machine_started",
    "hyperverse_register_blobs",
    "hyperverse_register_commands",
    "hyperverse_register_drivers",
]


@hookimpl
def hyperverse_register_blobs(register: Register) -> None:
    """``[blobs] driver = "files"``."""
    register("files", "hyperverse_artifacts.files:FileBlobs")


@hookimpl
def hyperverse_register_drivers(register: Callable[[type[Driver]], None]) -> None:
    """Repo, BundleSeries, Bundle and Artifact."""
    from .drivers import ArtifactDriver, BundleDriver, BundleSeriesDriver, RepoDriver

    for driver in (RepoDriver, BundleSeriesDriver, BundleDriver, ArtifactDriver):
        register(driver)


@hookimpl
def hyperverse_register_commands(register: Register) -> None:
    """``hyperverse publish`` and ``hyperverse artifacts``."""
    register("publish", "hyperverse_artifacts.commands:publish")
    register("artifacts", "hyperverse_artifacts.versions:artifacts")


@hookimpl
async def hyperverse_machine_started(machine: Any) -> None:
    """Publishes the boot bundle at the first start."""
    from .boot import publish_boot

    await publish_boot(machine)
