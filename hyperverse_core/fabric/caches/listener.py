"""What a cache has to offer so that the change feed can keep it honest."""

from __future__ import annotations

from typing import Protocol

from ...contracts.registry import Change

__all__ = ["CacheListener"]


class CacheListener(Protocol):
    """Whatever rests on the registry. A new cache is one class and one line in ``assembly.py``."""

    def changed(self, change: Change) -> None:
        """Drops what rests on what has changed."""

    def lost(self) -> None:
        """Drops everything: changes were missed."""
