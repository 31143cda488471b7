"""One figure of a benchmark."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["Row"]


@attrs.frozen(kw_only=True)
class Row:
    """One operation, its cost, and the reference that it is compared with.

    Attributes:
        name: name of the operation.
        value: cost of one operation, in ``unit``.
        unit: ``us`` for microseconds, ``KiB``, ``1/s``, ``%`` of a core.
        reference: name of the reference; empty for none.
        reference_value: cost of the reference in the same run, in ``unit``.
        at_most: upper bound of the ratio.
        loop: name of the event loop; empty if the operation needs none.
        objects, bytes: blocks of memory, and bytes in them, that one wave holds while it is in flight.
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
        """The cost as a multiple of the reference; None without a reference."""
        return self.value / self.reference_value if self.reference_value else None

    def plain(self) -> dict[str, Any]:
        """Returns all attributes, for JSON."""
        return {**attrs.asdict(self), "ratio": self.ratio}
