"""Grants and tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import NotFound
from hyperverse_core.registry import ChangeKind, TokenRecord
from hyperverse_core.values import HYPERUSER, AccessGrant, GrantKind, Point, Selector

from . import sqlite
from .particles import missing
from .schema import grants, particles, tokens
from .transaction import Transaction

__all__ = [
    "add_grant",
    "add_token",
    "find_token",
    "forget_grants",
    "grants_at",
    "revoke",
    "revoke_token",
    "tokens_of",
]

_GRANT = (grants.c.id, grants.c.kind, grants.c.on_selector, grants.c.to_selector, grants.c.by_point)
_TOKEN = (tokens.c.digest, tokens.c.agent, tokens.c.label)


def grants_at(connection: sa.Connection, roots: Iterable[Point] | None) -> list[AccessGrant]:
    """The grants whose query root is one of ``roots``, all when None, in the order of their ids."""
    query = sa.select(*_GRANT).order_by(grants.c.id)
    if roots is None:
        return [_grant_of(row) for row in connection.execute(query)]
    asked = {"roots": sqlite.listing(root.text for root in roots)}
    rows = connection.execute(query.where(grants.c.query_root.in_(sqlite.listed("roots"))), asked)
    return [_grant_of(row) for row in rows]


def _grant_of(row: Sequence[Any]) -> AccessGrant:
    number, kind, on, to, by = row[:5]
    return AccessGrant(GrantKind.parse(kind), Selector.parse(on), Selector.parse(to), Point.parse(by), number)


def add_grant(tx: Transaction, grant: AccessGrant) -> AccessGrant:
    """Stores it, and gives it its id."""
    if grant.by != HYPERUSER:  # who needs no record to exist
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
    """The one point that ``selector`` can match, None when it may be several."""
    root = selector.query_root
    return root.text if selector.is_exact and len(root.segments) == len(selector.hops) else None


def revoke(tx: Transaction, number: int) -> AccessGrant:
    """Removes the grant with that id."""
    row = tx.connection.execute(sa.select(*_GRANT).where(grants.c.id == number)).first()
    if row is None:
        raise NotFound(f"no grant {number}", hint="`grants` lists them with their ids")
    tx.connection.execute(sa.delete(grants).where(grants.c.id == number))
    revoked = _grant_of(row)
    tx.log(ChangeKind.REVOKED, revoked.on.query_root.text)
    return revoked


def forget_grants(tx: Transaction, points: Sequence[str]) -> None:
    """Removes the grants that were made by one of ``points`` or name exactly one of them."""
    named = sqlite.listed("points")
    columns = (grants.c.by_point, grants.c.on_point, grants.c.to_point)
    touched = sa.or_(*(column.in_(named) for column in columns))
    asked = {"points": sqlite.listing(points)}
    roots = tx.connection.execute(sa.select(grants.c.query_root).where(touched).order_by(grants.c.id), asked)
    for root in roots.scalars().all():
        tx.log(ChangeKind.REVOKED, root)
    tx.connection.execute(sa.delete(grants).where(touched), asked)


def find_token(connection: sa.Connection, digest: str) -> TokenRecord | None:
    """What is known of the token with that hash."""
    row = connection.execute(sa.select(*_TOKEN).where(tokens.c.digest == digest)).first()
    return None if row is None else _token_of(row)


def tokens_of(connection: sa.Connection) -> list[TokenRecord]:
    """All tokens, in the order of label and hash."""
    rows = connection.execute(sa.select(*_TOKEN).order_by(tokens.c.label, tokens.c.digest))
    return [_token_of(row) for row in rows]


def _token_of(row: Sequence[Any]) -> TokenRecord:
    digest, agent, label = row
    return TokenRecord(digest, Point.parse(agent), label)


def add_token(tx: Transaction, token: TokenRecord) -> None:
    """Stores it in place of one with the same hash."""
    tx.connection.execute(sa.delete(tokens).where(tokens.c.digest == token.digest))
    values = {"digest": token.digest, "agent": token.agent.text, "label": token.label}
    tx.connection.execute(tokens.insert(), values)
    tx.log(ChangeKind.TOKEN, token.agent.text)


def revoke_token(tx: Transaction, digest: str) -> bool:
    """Removes it; tells whether it was there."""
    token = find_token(tx.connection, digest)
    if token is None:
        return False
    tx.connection.execute(sa.delete(tokens).where(tokens.c.digest == digest))
    tx.log(ChangeKind.TOKEN, token.agent.text)
    return True
