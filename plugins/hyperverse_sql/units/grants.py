"""Grants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import sqlalchemy as sa

from hyperverse_core.registry import ChangeKind, refusals, stored_texts
from hyperverse_core.values import HYPERUSER, AccessGrant, Point

from ..engine.expressions import listed, listing
from ..engine.transaction import Transaction
from ..tables.schema import grants, particles

__all__ = ["add_grant", "all_grants", "forget_grants", "grants_at", "revoke", "roots_of_grants"]

_GRANT = (grants.c.id, grants.c.kind, grants.c.on_selector, grants.c.to_selector, grants.c.by_point)

_ANY = sa.select(grants.c.id).limit(1)


_ALL = sa.select(*_GRANT).order_by(grants.c.id)
_AT = sa.select(*_GRANT, grants.c.query_root).where(grants.c.query_root.in_(listed("roots")))
_ROOTS = sa.select(grants.c.query_root).distinct().limit(sa.bindparam("most"))


def all_grants(connection: sa.Connection) -> list[AccessGrant]:
    """Returns all grants, in the order of their ids."""
    return [stored_texts.grant_of(row[:5]) for row in connection.execute(_ALL)]


def grants_at(connection: sa.Connection, roots: Iterable[str]) -> dict[str, list[AccessGrant]]:
    """Returns the grants whose query root is one of ``roots``, keyed by its text."""
    found: dict[str, list[AccessGrant]] = {}
    for row in connection.execute(_AT, {"roots": listing(roots)}):
        found.setdefault(row[5], []).append(stored_texts.grant_of(row[:5]))
    return found


def roots_of_grants(connection: sa.Connection, most: int) -> frozenset[Point] | None:
    """Returns the query roots of all grants; None when there are more than ``most``."""
    found = connection.scalars(_ROOTS, {"most": most + 1}).all()
    return frozenset(map(Point.parse, found)) if len(found) <= most else None


def add_grant(tx: Transaction, grant: AccessGrant) -> AccessGrant:
    """Stores a grant and returns it with its id."""
    if grant.by != HYPERUSER:  # the hyperuser needs no record
        by = tx.connection.execute(sa.select(particles.c.id).where(particles.c.point == grant.by.text)).first()
        if by is None:
            raise refusals.not_registered((grant.by,))
    values = {
        "kind": str(grant.kind),
        "on_selector": str(grant.on),
        "to_selector": str(grant.to),
        "by_point": grant.by.text,
        "query_root": grant.on.query_root.text,
        "on_point": _text(grant.on.only_point),
        "to_point": _text(grant.to.only_point),
    }
    number = tx.connection.execute(grants.insert().returning(grants.c.id), values).scalar_one()
    tx.log(ChangeKind.GRANTED, values["query_root"] or "")
    return attrs.evolve(grant, id=number)


def _text(point: Point | None) -> str | None:
    return None if point is None else point.text


def revoke(tx: Transaction, number: int) -> AccessGrant:
    """Removes the grant with that id and returns it."""
    row = tx.connection.execute(sa.select(*_GRANT).where(grants.c.id == number)).first()
    if row is None:
        raise refusals.no_grant(number)
    tx.connection.execute(sa.delete(grants).where(grants.c.id == number))
    revoked = stored_texts.grant_of(row[:5])
    tx.log(ChangeKind.REVOKED, revoked.on.query_root.text)
    return revoked


def forget_grants(tx: Transaction, points: Sequence[str]) -> None:
    """Removes the grants that one of ``points`` made, and the grants that name exactly one of them."""
    if tx.connection.execute(_ANY).first() is None:
        return  # most points have none, and the query would take half of the time of deleting a deep branch
    named = listed("points")
    columns = (grants.c.by_point, grants.c.on_point, grants.c.to_point)
    touched = sa.or_(*(column.in_(named) for column in columns))
    asked = {"points": listing(points)}
    roots = tx.connection.execute(sa.select(grants.c.query_root).where(touched).order_by(grants.c.id), asked)
    for root in roots.scalars().all():
        tx.log(ChangeKind.REVOKED, root)
    tx.connection.execute(sa.delete(grants).where(touched), asked)
