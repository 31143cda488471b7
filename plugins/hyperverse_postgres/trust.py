"""The part of the contract about rights: grants, tokens, and the keys of machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

from hyperverse_core.registry import (
    MachineKey,
    Registry,
    TokenRecord,
    check_text,
    check_texts,
    is_storable,
    keys_to_store,
    refusals,
    stored_texts,
)
from hyperverse_core.values import HYPERUSER, AccessGrant, Point

from .calls import Calls
from .link import Connection
from .reader import BatchedLookUps, PostgresReader
from .schema import named

__all__ = ["PostgresTrust"]

_GRANT: Final = "id, kind, on_selector, to_selector, by_point"
_TOKEN: Final = "select digest, agent, label, scope, created, expires from hv.tokens"
_MACHINE: Final = "GLOBAL::machine"


class PostgresTrust(Registry):
    """Implements that part of the contract.

    Args:
        calls: single calls to the database.
        reader: reads many grants at once.
    """

    def __init__(self, calls: Calls, reader: PostgresReader) -> None:
        self._calls = calls
        self._grants = BatchedLookUps(self._grants_at, _grants_of, reader)

    # -- grants and tokens ---------------------------------------------------------------------------------

    async def grant(self, grant: AccessGrant) -> AccessGrant:
        root = grant.on.query_root.text
        job = [
            str(grant.kind), str(grant.on), str(grant.to), grant.by.text, root,
            _text(grant.on.only_point), _text(grant.to.only_point),
            grant.by != HYPERUSER,  # the hyperuser needs no record
        ]  # fmt: skip
        number = await self._calls.write_one("grant", job, root)
        if number is None:
            raise refusals.not_registered((grant.by,))
        return attrs.evolve(grant, id=number)

    async def _grants_at(self, connection: Connection, roots: list[str]) -> dict[str, list[Sequence[Any]]]:
        query = f"select {_GRANT}, query_root from hv.grants where query_root = any($1::text[])"  # nosec B608 - a constant
        found: dict[str, list[Sequence[Any]]] = {}
        for row in await connection.fetch(named(query, self._calls.schema), roots):
            found.setdefault(row[5], []).append(row)
        return found

    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        if roots is None:
            rows = await self._calls.ask("fetch", f"select {_GRANT} from hv.grants order by id")  # nosec B608 - a constant
            return [stored_texts.grant_of(row) for row in rows]
        found = await self._grants.at(roots)
        return sorted((grant for page in found.values() for grant in page), key=lambda grant: grant.id)

    async def grant_roots(self, most: int) -> frozenset[Point] | None:
        rows = await self._calls.ask("fetch", "select distinct query_root from hv.grants limit $1", most + 1)
        return frozenset(Point.parse(row[0]) for row in rows) if len(rows) <= most else None

    async def revoke(self, grant_id: int) -> AccessGrant:
        row = await self._calls.ask("fetchrow", "select query_root from hv.grants where id = $1", grant_id)
        said = None if row is None else await self._calls.write_one("revoke", [grant_id], row[0])
        if said is None:
            raise refusals.no_grant(grant_id)
        return stored_texts.grant_of(said)

    async def add_token(self, token: TokenRecord) -> None:
        check_texts((token,))
        agent = token.agent.text
        job = [token.digest, agent, token.label, token.scope, token.created, token.expires]
        await self._calls.write_one("token", job, agent)

    async def token(self, digest: str) -> TokenRecord | None:
        if not is_storable(digest):
            return None
        row = await self._calls.ask("fetchrow", f"{_TOKEN} where digest = $1", digest)
        return None if row is None else stored_texts.token_of(row)

    async def tokens(self) -> list[TokenRecord]:
        rows = await self._calls.ask("fetch", _TOKEN)
        return sorted((stored_texts.token_of(row) for row in rows), key=lambda token: (token.label, token.digest))

    async def revoke_token(self, digest: str) -> bool:
        known = await self.token(digest)
        return known is not None and bool(await self._calls.write_one("untoken", [digest], known.agent.text))

    # -- keys of machines ------------------------------------------------------------------------------

    async def machine_keys(self) -> list[MachineKey]:
        rows = await self._calls.ask("fetch", "select machine, transport, key, admitted from hv.machine_keys")
        return sorted((MachineKey(*row) for row in rows), key=lambda key: (key.transport, key.key))

    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        stored = keys_to_store(keys)
        if invitation is not None and not is_storable(invitation):
            raise refusals.no_invitation()
        rows = [[key.machine, key.transport, key.key, key.admitted] for key in stored]
        if not await self._calls.write_one("keys", [invitation, _MACHINE, rows], _MACHINE):
            raise refusals.no_invitation()

    async def add_invitation(self, digest: str, seconds: float) -> None:
        check_text("the digest of an invitation", digest)
        await self._calls.write_one("invite", [digest, seconds])


def _text(point: Point | None) -> str | None:
    return None if point is None else point.text


def _grants_of(rows: Iterable[Sequence[Any]]) -> list[AccessGrant]:
    return [stored_texts.grant_of(row[:5]) for row in rows]
