"""Registering particles: the rows that are sent to the database."""

from __future__ import annotations

from typing import Any

from hyperverse_core.registry import Registration

from .rows import new_row

__all__ = ["rows_of"]


def rows_of(registration: Registration) -> tuple[list[list[Any]], tuple[bytes, ...]]:
    """Returns the rows of a particle and of the particles below it, and their states."""
    rows, states = [], []
    for one in (registration, *registration.below):
        row = new_row(one)
        if one.state is not None:
            states.append(one.state)
            row[8] = len(states)
        rows.append(row)
    return rows, tuple(states)
