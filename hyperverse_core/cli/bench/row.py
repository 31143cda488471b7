"""One figure of a benchmark."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["Row"]


@attrs.frozen(kw_only=True)
class Row:
    """What was measured, how much it was, and what it is compared with.

    Attributes:
        name: what was measured.
        value: how much one of it took, in ``unit``.
        unit: ``us`` for microseconds, ``KiB``, ``1/s``, ``%`` of a core.
        reference: what it is compared with; empty for nothing.
        reference_value: how much that took in the same run, in ``unit``.
        at_most: what the ratio should not exceed.
        loop: the event loop that it was measured on; empty when it needs none.
        objects, bytes: blocks of memory, and bytes in them, that one wave holds while it is under way.
    """

    name: str
    value: float
    unit: str = "us"
    reference: str = ""
    reference_value: float | None = None
    at_most: float | None = None
    loop: str = ""
    objects: float | None = None
    bytes: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the reference it took; None when there is no reference."""
        return self.value / self.reference_value if self.reference_value else None

    def plain(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**attrs.asdict(self), "ratio": self.ratio}
