"""Memory of a machine's process."""

from __future__ import annotations

import gc

__all__ = ["settle_memory"]


def settle_memory() -> None:
    """What is here now stays for good, so the garbage collector need not look at it again; and it looks less often:
    a machine makes many small objects that are gone at once, and particles that stay, but hardly a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
