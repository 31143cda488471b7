"""Checks whether a registry is consistent, for ``hyperverse registry check``."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.values import ROOT, Point

from ..engine.database import Database
from ..engine.expressions import listed, listing
from ..engine.reader import begin_snapshot
from ..tables.rows import RECORD, RECORDS, record_of
from ..tables.schema import particles, stars, states
from .grants import all_grants

__all__ = ["check"]

_MOST: Final = 100
# Rows are checked in Python, in chunks of this size so that other threads do not wait long for the GIL.
_ROWS = (
    sa.select(*RECORD, particles.c.route, particles.c.depth)
    .select_from(RECORDS)
    .where(particles.c.point > sa.bindparam("last"))
    .order_by(particles.c.point)
    .limit(500)
)
_PRESENT = sa.select(particles.c.point).where(particles.c.point.in_(listed("points")))


def check(connection: sa.Connection, database: Database) -> list[str]:
    """Returns the faults, one line for each, about a hundred of a kind at most; an empty list when there are none."""
    begin_snapshot(connection)
    # The content of a damaged database is not worth checking.
    return database.damage(connection) or [
        *database.dangling(connection),
        *_particles(connection),
        *_assignments(connection),
        *_grants(connection),
    ]


def _particles(connection: sa.Connection) -> list[str]:
    """Checks that each row is a record, has its place in the tree, and has a registered parent."""
    rooted = connection.execute(sa.select(particles.c.id).where(particles.c.point == ROOT.text)).first()
    faults = [] if rooted else ["the root is missing"]
    last = ""
    while len(faults) < _MOST:
        chunk = connection.execute(_ROWS, {"last": last}).all()
        if not chunk:
            break
        last = chunk[-1].point
        parents: dict[str, str] = {}
        for row in chunk:
            faults.extend(_row_faults(row, parents))
        found = set(connection.execute(_PRESENT, {"points": listing(set(parents.values()))}).scalars())
        faults.extend(f"particle {point!r} has no parent" for point, parent in parents.items() if parent not in found)
    return faults[:_MOST]


def _row_faults(row: Any, parents: dict[str, str]) -> list[str]:
    """Returns the faults of one row. Adds the parent that must be registered to ``parents``."""
    try:
        point = record_of(row).point
    except (HyperverseError, ValueError, TypeError) as error:
        return [f"particle {row.point!r} cannot be read: {str(error).splitlines()[0]}"]
    parent = point.parent
    if parent is not None and not _may_be_absent(parent):
        parents[point.text] = parent.text
    if (row.route, row.depth) != (point.route.prefix, point.depth):
        return [f"particle {point.text!r} is stored with a wrong route or depth"]
    return []


def _may_be_absent(parent: Point) -> bool:
    return parent.is_root and not parent.route.is_local


def _assignments(connection: sa.Connection) -> list[str]:
    """Checks that each particle is assigned to an existing or former incarnation of a star."""
    living = sa.and_(stars.c.key == particles.c.star, stars.c.incarnation >= particles.c.incarnation)
    query = (
        sa.select(particles.c.point, particles.c.star)
        .where(particles.c.star.is_not(None), ~sa.exists().where(living))
        .order_by(particles.c.point)
        .limit(_MOST)
    )
    faults = [
        f"particle {point!r} is assigned to an incarnation of {star!r} that was never announced"
        for point, star in connection.execute(query)
    ]
    orphans = sa.select(states.c.id).where(~sa.exists().where(particles.c.id == states.c.id)).limit(_MOST)
    faults.extend(f"state {number} belongs to no particle" for number in connection.execute(orphans).scalars())
    return faults


def _grants(connection: sa.Connection) -> list[str]:
    """Checks that each grant can be read, and that its grantor is registered."""
    try:
        grants = all_grants(connection)
    except HyperverseError as error:
        return [f"a grant cannot be read: {str(error).splitlines()[0]}"]
    grantors = listing({grant.by.text for grant in grants})
    known = set(connection.execute(_PRESENT, {"points": grantors}).scalars())
    return [
        f"grant {grant.id} was made by {grant.by.text!r}, which does not exist"
        for grant in grants
        if grant.by.text not in known
    ]
