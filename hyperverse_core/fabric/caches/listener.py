"""The interface through which the change feed keeps a cache correct."""

from __future__ import annotations

from typing import Protocol

from ...contracts.registry import Change

__all__ = ["CacheListener"]


class CacheListener(Protocol):
    """A cache that depends on the registry. A new cache is one class and one line in ``assembly.py``."""

    def changed(self, change: Change) -> None:
        """Drops what depends on the change."""

    def lost(self) -> None:
        """Drops everything, because changes were missed."""
