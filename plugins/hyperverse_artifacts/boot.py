"""The boot bundle: the binds of User and UserBase. It is published to the platform's own repository at the first
start."""

from __future__ import annotations

import logging
from typing import Any, Final

from hyperverse_core import HyperverseError, Point, Strategy
from hyperverse_core.blobs import Blobs, digest_of

from .manifest import Entry, Manifest

__all__ = ["BOOT", "keep_boot_content", "publish_boot"]

BOOT: Final = Point.parse("hyperspace:repo:boot:1.0.0")
_SPACE: Final = Point.parse("hyperspace")
_USER: Final = b"""\
Bind(version=1.0.0) {
}
"""
_USERBASE: Final = b"""\
Bind(version=1.0.0) {
  Route<Http> -> {
    <Post>/login -> (()) => &;
    <Post>/refresh-token -> (()) => &;
    <Get>/introspect -> (()) => &;
  }
  Route<Ext<GetJwks>> -> (()) => &;
}
"""
_FILES: Final = {"bind/user.bind": _USER, "bind/userbase.bind": _USERBASE}
_log = logging.getLogger("hyperverse.artifacts")


async def keep_boot_content(blobs: Blobs) -> None:
    """Stores the content of the boot bundle on this machine, so that the machine depends on no other one for it."""
    for content in _FILES.values():
        await blobs.keep(content)


async def publish_boot(machine: Any) -> None:
    """Publishes the boot bundle, unless it exists already or the platform's own space is missing.

    Args:
        machine: the machine, as the hook ``hyperverse_machine_started`` receives it.
    """
    known = await machine.registry.records((_SPACE, BOOT))
    if _SPACE not in known or BOOT in known:
        return
    entries = [Entry(path, digest_of(content), len(content), machine.name) for path, content in _FILES.items()]
    client = machine.client()
    try:
        await client.create("hyperspace:repo", "Repo", strategy=Strategy.ENSURE)
        await client.create("hyperspace:repo:boot", "BundleSeries", strategy=Strategy.ENSURE)
        manifest = {"manifest": Manifest(tuple(entries)).text()}
        await client.exec(f"publish? ^[ manifest ]-> {BOOT}", files=manifest)
    except HyperverseError as exc:
        _log.warning("the boot bundle %s could not be published; the next start tries again: %s", BOOT, exc)
