"""The tables, and how a value is stored in them.

A point is stored as its text. The columns ``route`` and ``depth`` (number of segments) stand beside it, so that a
subtree is a range of texts on one route, and the children of a point are that range at one depth: no statement walks
the tree. Properties are a JSON object in the particle's own row, so that a record is one row and one read.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

__all__ = [
    "SCHEMA_VERSION",
    "changes",
    "grants",
    "hosted",
    "invitations",
    "machine_keys",
    "meta",
    "metadata",
    "particles",
    "stars",
    "states",
    "tokens",
]

SCHEMA_VERSION: Final = 6

metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# An assignment is valid as long as its star is announced in that incarnation; a star that leaves does not change it.
# The epoch stays when an assignment ends, because the next epoch must be greater. A particle that was never assigned
# has no epoch: its first one is greater than every epoch that a deleted particle at its point can have had.
particles = sa.Table(
    "particles",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("point", sa.Text, nullable=False, unique=True),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("depth", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("properties", sa.Text),
    sa.Column("sequence", sa.BigInteger, nullable=False, default=0),
    sa.Column("star", sa.Text),
    sa.Column("incarnation", sa.BigInteger),
    sa.Column("epoch", sa.BigInteger),
)
sa.Index("particles_at_depth", particles.c.route, particles.c.depth, particles.c.point)
hosted = sa.Index(
    "particles_hosted",
    particles.c.star,
    particles.c.incarnation,
    particles.c.point,
    sqlite_where=particles.c.star.is_not(None),
    postgresql_where=particles.c.star.is_not(None),
)

# A separate table, so that a scan of records does not read states.
states = sa.Table(
    "states",
    metadata,
    sa.Column("id", sa.ForeignKey(particles.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
)

# The row stays when a star is withdrawn, because the star's next incarnation must be greater.
stars = sa.Table(
    "stars",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("announced", sa.Boolean, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("door_key", sa.Text, nullable=False),
    sa.Column("kinds", sa.Text, nullable=False),
    sa.Column("links", sa.Text, nullable=False),
    sa.Column("particles", sa.BigInteger, nullable=False),
    sa.Column("incarnation", sa.BigInteger, nullable=False),
    sa.Column("renewals", sa.BigInteger, nullable=False),
    sa.Column("lease", sa.Float, nullable=False),
    sa.Column("draining", sa.Boolean, nullable=False),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("facts", sa.Text, nullable=False, server_default=""),
)

# AUTOINCREMENT: the id of a revoked grant is never reused.
grants = sa.Table(
    "grants",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("on_selector", sa.Text, nullable=False),
    sa.Column("to_selector", sa.Text, nullable=False),
    sa.Column("by_point", sa.Text, nullable=False),
    sa.Column("query_root", sa.Text, nullable=False),
    sa.Column("on_point", sa.Text),
    sa.Column("to_point", sa.Text),
    sqlite_autoincrement=True,
)
for _column in (grants.c.query_root, grants.c.by_point, grants.c.on_point, grants.c.to_point):
    sa.Index(f"grants_{_column.name}", _column)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False, server_default=""),
    sa.Column("created", sa.Float, nullable=False, server_default="0"),
    sa.Column("expires", sa.Float),
)
sa.Index("tokens_agent", tokens.c.agent)

machine_keys = sa.Table(
    "machine_keys",
    metadata,
    sa.Column("transport", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("admitted", sa.Boolean, nullable=False),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("expires", sa.Float, nullable=False),
)

# Revisions have no gaps except at the old end, where entries are pruned, so a reader can tell what it has missed.
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("point", sa.Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
)
