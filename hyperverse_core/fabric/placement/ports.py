"""The parts of the layers above that placement uses."""

from __future__ import annotations

from typing import Protocol

from ...contracts.registry import ParticleRecord
from ..particles.caller import Caller

__all__ = ["Permits"]


class Permits(Protocol):
    """The gate, for commands."""

    async def permit(self, caller: Caller, permission: str, target: ParticleRecord, action: str) -> None:
        """Returns if ``caller`` has ``permission`` (a letter) on ``target``, for ``action``. Raises Forbidden."""
