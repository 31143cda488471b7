"""Compiles WebAssembly modules when they are published, on machines with the Mechtron driver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hyperverse_core import DriverHost
from hyperverse_core.errors import HyperverseError

from .manifest import Entry

__all__ = ["DOCUMENT", "MAKER", "prepare", "wanted"]

DOCUMENT: Final = ".mechtron"
"""The extension of a document."""
MAKER: Final = "<<STAR::machine:{}[0]>>::star:drivers:mechtron"
"""The point of the Mechtron driver on a machine."""
_LARGEST: Final = 256 * 1024


def wanted(version: str, modules: Mapping[str, str], documents: Mapping[str, str]) -> dict[str, Any]:
    """Returns the request to the Mechtron driver to compile modules.

    Args:
        version: point of the bundle.
        modules: the digests of its files, by path.
        documents: the texts of documents among them, by path.
    """
    return {"version": version, "documents": dict(documents), "modules": dict(modules)}


async def prepare(host: DriverHost, version: str, entries: Iterable[Entry]) -> None:
    """Compiles the modules whose documents are in this machine's store. This runs in the background, so that publishing
    does not wait for it."""
    here = [entry for entry in entries if entry.on == host.machine]
    documents = {}
    for entry in here:
        if entry.path.endswith(DOCUMENT) and entry.size <= _LARGEST:
            documents[entry.path] = (await host.blobs.get(entry.digest)).decode("utf-8", "replace")
    if not documents:
        return
    try:
        await host.signal(
            MAKER.format(host.machine),
            "Ext<Prepare>",
            wanted(version, {entry.path: entry.digest for entry in here}, documents),
        )
    except HyperverseError as exc:
        host.log.info("the modules of %s will be compiled later: %s", version, exc.message)
