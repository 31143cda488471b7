"""The garbage collector of a machine's process."""

from __future__ import annotations

import gc

__all__ = ["settle_memory"]


def settle_memory() -> None:
    """Tunes the garbage collector for a machine; call it once, when the machine is ready.

    Objects that exist at this point stay until the process ends, so the collector skips them. It also runs less
    often: a machine creates many objects that die at once and particles that stay, and hardly any reference cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
