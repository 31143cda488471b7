"""What placement uses of the rooms above it."""

from __future__ import annotations

from typing import Protocol

from ...contracts.registry import ParticleRecord
from ...universe.access.scope import Scope
from ...universe.address.point import Point

__all__ = ["Permits"]


class Permits(Protocol):
    """The gate, for commands."""

    async def permit(
        self, agent: Point, permission: str, target: ParticleRecord, action: str, scope: Scope | None = None
    ) -> None:
        """Returns when ``agent`` has ``permission`` (a letter) on ``target``, for ``action``. Raises Forbidden."""
