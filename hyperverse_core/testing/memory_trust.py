"""The part of the registry in memory that stores permissions: grants, tokens, and the keys of machines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import attrs

from ..contracts.registry import (
    ChangeKind,
    MachineKey,
    Registry,
    TokenRecord,
    check_text,
    check_texts,
    keys_to_store,
    refusals,
)
from ..universe.access.access import AccessGrant
from ..universe.address.point import GLOBAL_MACHINE, HYPERUSER, Point
from .memory_feed import MemoryFeed
from .memory_particle import MemoryParticle

__all__ = ["MemoryTrust"]


class MemoryTrust(Registry):
    """Implements that part.

    Args:
        feed: receives the entries of the change feed.
    """

    def __init__(self, feed: MemoryFeed) -> None:
        self._feed = feed
        self._grants: dict[int, AccessGrant] = {}
        self._last_grant = 0
        self._tokens: dict[str, TokenRecord] = {}
        self._machine_keys: dict[tuple[str, str], MachineKey] = {}
        self._invitations: dict[str, float] = {}

    def _check_open(self) -> None:
        raise NotImplementedError

    def _at(self, point: Point) -> MemoryParticle:
        raise NotImplementedError

    # -- who may touch them -------------------------------------------------------------------------------

    async def grant(self, grant: AccessGrant) -> AccessGrant:
        self._check_open()
        if grant.by != HYPERUSER:  # the hyperuser needs no record
            self._at(grant.by)
        self._last_grant += 1
        stored = self._grants[self._last_grant] = attrs.evolve(grant, id=self._last_grant)
        self._feed.log(ChangeKind.GRANTED, grant.on.query_root)
        return stored

    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        self._check_open()
        asked = None if roots is None else set(roots)
        return [grant for grant in self._grants.values() if asked is None or grant.on.query_root in asked]

    async def grant_roots(self, most: int) -> frozenset[Point] | None:
        self._check_open()
        roots = frozenset(grant.on.query_root for grant in self._grants.values())
        return roots if len(roots) <= most else None

    async def revoke(self, grant_id: int) -> AccessGrant:
        self._check_open()
        if grant_id not in self._grants:
            raise refusals.no_grant(grant_id)
        grant = self._grants.pop(grant_id)
        self._feed.log(ChangeKind.REVOKED, grant.on.query_root)
        return grant

    async def add_token(self, token: TokenRecord) -> None:
        self._check_open()
        check_texts((token,))
        self._tokens[token.digest] = token
        self._feed.log(ChangeKind.TOKEN, token.agent)

    async def token(self, digest: str) -> TokenRecord | None:
        self._check_open()
        return self._tokens.get(digest)

    async def tokens(self) -> list[TokenRecord]:
        self._check_open()
        return sorted(self._tokens.values(), key=lambda token: (token.label, token.digest))

    async def revoke_token(self, digest: str) -> bool:
        self._check_open()
        token = self._tokens.pop(digest, None)
        if token is not None:
            self._feed.log(ChangeKind.TOKEN, token.agent)
        return token is not None

    # -- which machines are admitted ----------------------------------------------------------------------

    async def machine_keys(self) -> list[MachineKey]:
        self._check_open()
        return [key for _, key in sorted(self._machine_keys.items())]

    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        self._check_open()
        stored = keys_to_store(keys)
        if invitation is not None:
            ends = self._invitations.pop(invitation, 0.0)
            if ends <= asyncio.get_running_loop().time():
                raise refusals.no_invitation()
        self._machine_keys |= {(key.transport, key.key): key for key in stored}
        self._feed.log(ChangeKind.MACHINE, GLOBAL_MACHINE)

    async def add_invitation(self, digest: str, seconds: float) -> None:
        self._check_open()
        check_text("the digest of an invitation", digest)
        self._invitations[digest] = asyncio.get_running_loop().time() + seconds
