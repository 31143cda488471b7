"""Creates the empty registry, its tables and its root, and upgrades an older one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from hyperverse_core.registry import Registration, Status
from hyperverse_core.values import HYPERUSER, ROOT, Kind

from .rows import NEW_ROW, new_row
from .schema import SCHEMA_VERSION, changes, hosted, invitations, machine_keys, meta, metadata, particles, stars, tokens

__all__ = ["create_tables"]


def create_tables(connection: sa.Connection) -> None:
    """Creates the tables and the root unless they exist, and adds what an older version lacks. Runs in a transaction
    of its own."""
    with connection.begin():
        if sa.inspect(connection).has_table(meta.name):
            _migrate(connection)
            return
        metadata.create_all(connection, checkfirst=False)
        connection.execute(meta.insert(), {"key": "schema", "value": str(SCHEMA_VERSION)})
        root = Registration(ROOT, Kind("Root"), HYPERUSER, status=Status.READY)
        connection.execute(particles.insert(), dict(zip(NEW_ROW, new_row(root), strict=True)))


def _migrate(connection: sa.Connection) -> None:
    """Upgrades an older registry to the current schema, one version after the other."""
    is_schema = meta.c.key == "schema"
    version = int(connection.execute(sa.select(meta.c.value).where(is_schema)).scalar_one())
    if version < 2:
        _add_column(connection, stars, stars.c.facts)
    if version < 3:
        for column in (tokens.c.scope, tokens.c.created, tokens.c.expires):
            _add_column(connection, tokens, column)
        for index in tokens.indexes:
            index.create(connection)
    if version < 4:
        metadata.create_all(connection, tables=[machine_keys, invitations], checkfirst=False)
    if version < 5:
        # Epochs stay as they are. A particle that an older version has released has no epoch, and its next one begins
        # after the newest revision, which is at least as great as any epoch.
        _add_column(connection, changes, changes.c.epoch)
        hosted.drop(connection, checkfirst=True)
        hosted.create(connection)
    if version < SCHEMA_VERSION:
        connection.execute(meta.update().where(is_schema).values(value=str(SCHEMA_VERSION)))


def _add_column(connection: sa.Connection, table: sa.Table, column: sa.Column[Any]) -> None:
    created = sa.schema.CreateColumn(column).compile(connection)
    connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {created}"))
