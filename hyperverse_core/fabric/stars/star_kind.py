"""The behaviour of a star kind. The kinds themselves come from plugins and the built-in table."""

from __future__ import annotations

from typing import Protocol

__all__ = ["StarKind"]


class StarKind(Protocol):
    """A star kind, as plugins declare it."""

    @property
    def name(self) -> str: ...

    @property
    def forwards(self) -> bool:
        """Whether its stars forward waves for others."""

    @property
    def hosts(self) -> bool:
        """Whether its stars host particles."""
