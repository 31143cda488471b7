"""Grants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import NotFound
from hyperverse_core.registry import ChangeKind
from hyperverse_core.values import HYPERUSER, AccessGrant, GrantKind, Point, Selector

from ..engine.expressions import listed, listing
from ..engine.transaction import Transaction
from ..tables.schema import grants, particles
from .records import missing

__all__ = ["add_grant", "all_grants", "forget_grants", "grants_at", "revoke", "roots_of_grants"]

_GRANT = (grants.c.id, grants.c.kind, grants.c.on_selector, grants.c.to_selector, grants.c.by_point)

_ANY = sa.select(grants.c.id).limit(1)


_ALL = sa.select(*_GRANT).order_by(grants.c.id)
_AT = sa.select(*_GRANT, grants.c.query_root).where(grants.c.query_root.in_(listed("roots")))
_ROOTS = sa.select(grants.c.query_root).distinct().limit(sa.bindparam("most"))


def all_grants(connection: sa.Connection) -> list[AccessGrant]:
    """All grants, in the order of their ids."""
    return [_grant_of(row) for row in connection.execute(_ALL)]


def grants_at(connection: sa.Connection, roots: Iterable[str]) -> dict[str, list[AccessGrant]]:
    """The grants whose query root is one of ``roots``, by its text."""
    found: dict[str, list[AccessGrant]] = {}
    for row in connection.execute(_AT, {"roots": listing(roots)}):
        found.setdefault(row[5], []).append(_grant_of(row))
    return found


def roots_of_grants(connection: sa.Connection, most: int) -> frozenset[Point] | None:
    """The query roots of all grants; None when they are more than ``most``."""
    found = connection.scalars(_ROOTS, {"most": most + 1}).all()
    return frozenset(map(Point.parse, found)) if len(found) <= most else None


def _grant_of(row: Sequence[Any]) -> AccessGrant:
    number, kind, on, to, by = row[:5]
    return AccessGrant(
        GrantKind.parse(kind), Selector.parse(on, routes=True), Selector.parse(to), Point.parse(by), number
    )


def add_grant(tx: Transaction, grant: AccessGrant) -> AccessGrant:
    """Stores a grant and returns it with its id."""
    if grant.by != HYPERUSER:  # the hyperuser needs no record
        by = tx.connection.execute(sa.select(particles.c.id).where(particles.c.point == grant.by.text)).first()
        if by is None:
            raise missing((grant.by,))
    values = {
        "kind": str(grant.kind),
        "on_selector": str(grant.on),
        "to_selector": str(grant.to),
        "by_point": grant.by.text,
        "query_root": grant.on.query_root.text,
        "on_point": _exactly(grant.on),
        "to_point": _exactly(grant.to),
    }
    number = tx.connection.execute(grants.insert().returning(grants.c.id), values).scalar_one()
    tx.log(ChangeKind.GRANTED, values["query_root"] or "")
    return attrs.evolve(grant, id=number)


def _exactly(selector: Selector) -> str | None:
    """The only point that ``selector`` can match, None when it can match several."""
    root = selector.query_root
    return root.text if selector.is_exact and len(root.segments) == len(selector.hops) else None


def revoke(tx: Transaction, number: int) -> AccessGrant:
    """Removes the grant with that id and returns it."""
    row = tx.connection.execute(sa.select(*_GRANT).where(grants.c.id == number)).first()
    if row is None:
        raise NotFound(f"no grant {number}", hint="`grants` lists them with their ids")
    tx.connection.execute(sa.delete(grants).where(grants.c.id == number))
    revoked = _grant_of(row)
    tx.log(ChangeKind.REVOKED, revoked.on.query_root.text)
    return revoked


def forget_grants(tx: Transaction, points: Sequence[str]) -> None:
    """Removes the grants that were made by one of ``points`` or name exactly one of them."""
    if tx.connection.execute(_ANY).first() is None:
        return  # most have none, and it would cost half of what deleting a deep branch costs
    named = listed("points")
    columns = (grants.c.by_point, grants.c.on_point, grants.c.to_point)
    touched = sa.or_(*(column.in_(named) for column in columns))
    asked = {"points": listing(points)}
    roots = tx.connection.execute(sa.select(grants.c.query_root).where(touched).order_by(grants.c.id), asked)
    for root in roots.scalars().all():
        tx.log(ChangeKind.REVOKED, root)
    tx.connection.execute(sa.delete(grants).where(touched), asked)
