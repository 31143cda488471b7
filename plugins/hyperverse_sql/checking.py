"""Is everything in order? What ``hyperverse registry check`` asks."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.values import ROOT, Point

from . import sqlite
from .grants import grants_at
from .rows import RECORD, depth_of, record_of
from .schema import particles, stars, states

__all__ = ["check"]

_MOST: Final = 100
# Rows are looked at on the event loop's thread: as many as do not keep others waiting.
_ROWS = (
    sa.select(*RECORD, particles.c.route, particles.c.depth)
    .where(particles.c.point > sa.bindparam("last"))
    .order_by(particles.c.point)
    .limit(500)
)
_PRESENT = sa.select(particles.c.point).where(particles.c.point.in_(sqlite.listed("points")))


def check(connection: sa.Connection) -> list[str]:
    """What is wrong, one line each (at most a hundred of a kind); nothing when all is well."""
    connection.exec_driver_sql("BEGIN")
    damage = [
        f"the file is damaged: {said}"
        for (said,) in connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})")
        if said != "ok"
    ]
    if damage:
        # What is read from a damaged file says nothing further.
        return damage
    return [
        *_foreign_keys(connection),
        *_particles(connection),
        *_assignments(connection),
        *_grants(connection),
    ]


def _foreign_keys(connection: sa.Connection) -> list[str]:
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    return [f"row {number} of {table} belongs to nothing in {parent}" for table, number, parent, _ in rows[:_MOST]]


def _particles(connection: sa.Connection) -> list[str]:
    """Every row is a record, has its place in the tree, and its parent is there."""
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
        found = set(connection.execute(_PRESENT, {"points": sqlite.listing(set(parents.values()))}).scalars())
        faults.extend(f"particle {point!r} has no parent" for point, parent in parents.items() if parent not in found)
    return faults[:_MOST]


def _row_faults(row: Any, parents: dict[str, str]) -> list[str]:
    """What is wrong with one row; notes in ``parents`` which parent it has to have."""
    try:
        point = record_of(row).point
    except (HyperverseError, ValueError, TypeError) as error:
        return [f"particle {row.point!r} cannot be read: {str(error).splitlines()[0]}"]
    parent = point.parent
    if parent is not None and not _may_be_absent(parent):
        parents[point.text] = parent.text
    if (row.route, row.depth) != (point.route.prefix, depth_of(point)):
        return [f"particle {point.text!r} is filed under another route or depth"]
    return []


def _may_be_absent(parent: Point) -> bool:
    return parent.is_root and not parent.route.is_local


def _assignments(connection: sa.Connection) -> list[str]:
    """Whatever is assigned is assigned to the announced incarnation of a star."""
    living = sa.and_(stars.c.key == particles.c.star, stars.c.incarnation == particles.c.incarnation, stars.c.announced)
    query = (
        sa.select(particles.c.point, particles.c.star)
        .where(particles.c.star.is_not(None), ~sa.exists().where(living))
        .order_by(particles.c.point)
        .limit(_MOST)
    )
    faults = [
        f"particle {point!r} is assigned to {star!r}, which is not announced"
        for point, star in connection.execute(query)
    ]
    orphans = sa.select(states.c.id).where(~sa.exists().where(particles.c.id == states.c.id)).limit(_MOST)
    faults.extend(f"state {number} belongs to no particle" for number in connection.execute(orphans).scalars())
    return faults


def _grants(connection: sa.Connection) -> list[str]:
    """Every grant can be read and has a grantor."""
    try:
        grants = grants_at(connection, None)
    except HyperverseError as error:
        return [f"a grant cannot be read: {str(error).splitlines()[0]}"]
    grantors = sqlite.listing({grant.by.text for grant in grants})
    known = set(connection.execute(_PRESENT, {"points": grantors}).scalars())
    return [
        f"grant {grant.id} was made by {grant.by.text!r}, who is gone" for grant in grants if grant.by.text not in known
    ]
