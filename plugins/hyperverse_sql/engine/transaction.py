"""A write transaction: a connection, and the change feed entries that it commits."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from hyperverse_core.registry import ChangeKind

from ..tables.schema import changes
from .batch_statement import BatchStatement

__all__ = ["Transaction"]

_NEWEST = sa.select(sa.func.coalesce(sa.func.max(changes.c.revision), 0))
_LOG = BatchStatement(changes.insert(), ("revision", "kind", "point", "epoch"))


@attrs.define
class Transaction:
    """Holds the write lock: what it reads stays true until it commits.

    Attributes:
        connection: runs the statements.
        revision: the newest revision, including the entries that this transaction has logged.
        logged: number of entries logged by this transaction.
    """

    connection: sa.Connection
    revision: int
    logged: int = 0
    _entries: list[tuple[int, str, str, int]] = attrs.field(factory=list)

    @classmethod
    def on(cls, connection: sa.Connection) -> Transaction:
        """Returns the transaction that ``connection`` has begun."""
        return cls(connection, connection.execute(_NEWEST).scalar_one())

    def log(self, kind: ChangeKind, point: str, epoch: int = 0) -> None:
        """Adds an entry to the feed, with the next revision. ``epoch``: see :class:`Change`."""
        self.revision += 1
        self.logged += 1
        self._entries.append((self.revision, str(kind), point, epoch))  # `value` takes 0.3 us in Python 3.11

    def flush(self) -> None:
        """Writes the entries. Call it immediately before the commit."""
        _LOG.run(self.connection, self._entries)
        self._entries = []
