"""The state that a guest saves and restores itself, with its exports ``hv_save`` and ``hv_load``."""

from __future__ import annotations

import attrs

__all__ = ["OwnState"]


@attrs.define
class OwnState:
    """The saved state of one Mechtron.

    Attributes:
        saved: what ``hv_save`` last returned; None before the first time.
    """

    saved: bytes | None = None
