"""The state that a guest gives and takes itself, by its exports ``hv_save`` and ``hv_load``."""

from __future__ import annotations

import attrs

__all__ = ["OwnState"]


@attrs.define
class OwnState:
    """What one Mechtron keeps.

    Attributes:
        saved: what ``hv_save`` gave last; None before the first time.
    """

    saved: bytes | None = None
