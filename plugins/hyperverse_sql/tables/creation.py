"""The empty registry: its tables and its root."""

from __future__ import annotations

import sqlalchemy as sa

from hyperverse_core.registry import Registration, Status
from hyperverse_core.values import HYPERUSER, ROOT, Kind

from .rows import NEW_ROW, new_row
from .schema import SCHEMA_VERSION, meta, metadata, particles

__all__ = ["create_tables"]


def create_tables(connection: sa.Connection) -> None:
    """Creates the tables and the root unless they exist. Runs in a transaction of its own."""
    with connection.begin():
        if sa.inspect(connection).has_table(meta.name):
            return
        metadata.create_all(connection, checkfirst=False)
        connection.execute(meta.insert(), {"key": "schema", "value": str(SCHEMA_VERSION)})
        root = Registration(ROOT, Kind("Root"), HYPERUSER, status=Status.READY)
        connection.execute(particles.insert(), dict(zip(NEW_ROW, new_row(root), strict=True)))
