"""Sizes in bytes, for readers."""

from __future__ import annotations

__all__ = ["told_size"]

_UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def told_size(size: int) -> str:
    """Returns a size in bytes with a fitting unit."""
    for unit, factor in _UNITS:
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size} bytes"
