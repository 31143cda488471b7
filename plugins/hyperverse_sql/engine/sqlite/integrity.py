"""The integrity checks that SQLite itself offers."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

__all__ = ["damage", "dangling"]

_MOST: Final = 100


def damage(connection: sa.Connection) -> list[str]:
    """Returns the damage in the file, one line for each fault, a hundred at most."""
    rows = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})")
    return [f"the file is damaged: {said}" for (said,) in rows if said != "ok"]


def dangling(connection: sa.Connection) -> list[str]:
    """Returns rows whose foreign key refers to a missing row, one line for each, a hundred at most."""
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    return [f"row {number} of {table} refers to a missing row of {parent}" for table, number, parent, _ in rows[:_MOST]]
