"""The values that limits may have, whether the class of a driver sets them or the traits of one particle do."""

from __future__ import annotations

__all__ = ["is_count", "is_seconds"]


def is_seconds(value: object) -> bool:
    """Whether a value is a number of seconds above 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def is_count(value: object) -> bool:
    """Whether a value is a whole number of at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
