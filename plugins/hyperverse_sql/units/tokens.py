"""Tokens, identified by their hashes."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from hyperverse_core.registry import ChangeKind, TokenRecord, stored_texts

from ..engine.expressions import listed, listing
from ..engine.transaction import Transaction
from ..tables.schema import tokens

__all__ = ["add_token", "all_tokens", "find_token", "forget_tokens", "revoke_token"]

_TOKEN = (tokens.c.digest, tokens.c.agent, tokens.c.label, tokens.c.scope, tokens.c.created, tokens.c.expires)


def find_token(connection: sa.Connection, digest: str) -> TokenRecord | None:
    """Returns the token with that hash; None when there is none."""
    row = connection.execute(sa.select(*_TOKEN).where(tokens.c.digest == digest)).first()
    return None if row is None else stored_texts.token_of(row)


def all_tokens(connection: sa.Connection) -> list[TokenRecord]:
    """Returns all tokens, ordered by label and hash."""
    rows = connection.execute(sa.select(*_TOKEN).order_by(tokens.c.label, tokens.c.digest))
    return [stored_texts.token_of(row) for row in rows]


def add_token(tx: Transaction, token: TokenRecord) -> None:
    """Stores a token, replacing one with the same hash."""
    tx.connection.execute(sa.delete(tokens).where(tokens.c.digest == token.digest))
    values = {
        "digest": token.digest,
        "agent": token.agent.text,
        "label": token.label,
        "scope": token.scope,
        "created": token.created,
        "expires": token.expires,
    }
    tx.connection.execute(tokens.insert(), values)
    tx.log(ChangeKind.TOKEN, token.agent.text)


def revoke_token(tx: Transaction, digest: str) -> bool:
    """Removes the token with that hash. Returns whether there was one."""
    token = find_token(tx.connection, digest)
    if token is None:
        return False
    tx.connection.execute(sa.delete(tokens).where(tokens.c.digest == digest))
    tx.log(ChangeKind.TOKEN, token.agent.text)
    return True


def forget_tokens(tx: Transaction, agents: Sequence[str]) -> None:
    """Removes the tokens of ``agents``: a particle created later at one of these points is a different one."""
    owned = tokens.c.agent.in_(listed("agents"))
    asked = {"agents": listing(agents)}
    for agent in tx.connection.execute(sa.select(tokens.c.agent).where(owned).distinct(), asked).scalars().all():
        tx.log(ChangeKind.TOKEN, agent)
    tx.connection.execute(sa.delete(tokens).where(owned), asked)
