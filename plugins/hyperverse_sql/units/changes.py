"""Reading and pruning the change feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from hyperverse_core.registry import Change, ChangeKind, Changes
from hyperverse_core.values import Point

from ..engine.transaction import Transaction
from ..tables.schema import changes

__all__ = ["changes_since", "newest_revision", "oldest_revision", "prune"]

_MOST_AT_ONCE: Final = 2000
_KINDS: Final = {kind.value: kind for kind in ChangeKind}

_NEWEST = sa.select(sa.func.coalesce(sa.func.max(changes.c.revision), 0))
_OLDEST = sa.select(sa.func.coalesce(sa.func.min(changes.c.revision), 0))
_SINCE = (
    sa.select(changes.c.revision, changes.c.kind, changes.c.point, changes.c.epoch)
    .where(changes.c.revision > sa.bindparam("since"))
    .order_by(changes.c.revision)
    .limit(_MOST_AT_ONCE)
)


def newest_revision(connection: sa.Connection) -> int:
    """Returns the newest revision; 0 when nothing was logged yet."""
    return int(connection.execute(_NEWEST).scalar_one())


def oldest_revision(connection: sa.Connection) -> int:
    """Returns the oldest revision that is kept; 0 when nothing was logged yet."""
    return int(connection.execute(_OLDEST).scalar_one())


def changes_since(connection: sa.Connection, since: int) -> Changes:
    """Returns the entries after revision ``since``, up to a limit; ``lost`` when they are no longer kept."""
    rows = connection.execute(_SINCE, {"since": since}).all()
    if rows and rows[0][0] == since + 1:
        # A newer version may log kinds of change that this version does not know and does not depend on.
        # An older version writes no epochs: for its entries, the epoch is the revision.
        entries = tuple(
            Change(row[0], _KINDS[row[1]], Point.parse(row[2]), row[3] or row[0]) for row in rows if row[1] in _KINDS
        )
        return Changes(entries, rows[-1][0])
    newest = newest_revision(connection)
    if not rows and newest >= since:  # newer: committed between the two queries, and returned by the next read
        return Changes((), since)
    # ``since`` is either older than what is kept, or newer than all entries: the database was restored from a backup.
    return Changes((), newest, lost=True, set_back=newest < since)


def prune(tx: Transaction, arguments: Sequence[tuple[int, int]]) -> list[int]:
    """Removes surplus entries, and returns the oldest remaining revision, in a list.

    Args:
        arguments: a list of one pair: number of entries to keep, and maximum number to remove at once.
    """
    ((keep, most),) = arguments
    oldest = oldest_revision(tx.connection)
    end = min(tx.revision - keep, oldest + most - 1)
    if end >= oldest:
        tx.connection.execute(sa.delete(changes).where(changes.c.revision <= end))
    return [max(oldest, end + 1)]
