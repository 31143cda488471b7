"""Administration of tokens, the only part that commands can change when grants do not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from hyperverse_core.errors import Forbidden, NoDriver
from hyperverse_core.policy import Administration, Holders, IssuedToken, Preview
from hyperverse_core.registry import ParticleRecord, TokenRecord
from hyperverse_core.values import HYPERUSER, AccessGrant, Point, Scope, Selector

__all__ = ["TokensOnly"]


class TokensOnly(Administration):
    """Tokens are administered as with ``grants``; everything else is written in the Cedar policies.

    Args:
        whole: the administration of the policy ``grants``.
    """

    def __init__(self, whole: Administration) -> None:
        self._whole = whole

    async def grant(self, grant: AccessGrant) -> AccessGrant:
        """Raises NoDriver: grants do not count."""
        _grants_do_not_count()

    async def revoke(self, number: int, *, by: Point) -> AccessGrant:
        """Raises NoDriver, likewise."""
        _grants_do_not_count()

    async def grants(
        self, *, on: Selector | None = None, to: Selector | None = None, by: Point
    ) -> Sequence[AccessGrant]:
        """Raises NoDriver, likewise."""
        _grants_do_not_count()

    async def chown(self, records: Sequence[ParticleRecord], owner: Point, *, by: Point) -> None:
        """As with ``grants``, for the hyperuser. Raises Forbidden for others."""
        _must_be_hyperuser(by, "give particles to another owner")
        await self._whole.chown(records, owner, by=by)

    async def holders(self, record: ParticleRecord) -> Holders:
        """Raises NoDriver, because Cedar policies do not list the agents that they permit."""
        _grants_do_not_count()

    async def preview_grant(self, grant: AccessGrant) -> Preview:
        """Raises NoDriver, likewise."""
        _grants_do_not_count()

    async def preview_revoke(self, number: int, *, by: Point) -> Preview:
        """Raises NoDriver, likewise."""
        _grants_do_not_count()

    async def preview_chown(self, records: Sequence[ParticleRecord], owner: Point, *, by: Point) -> Preview:
        """Raises NoDriver, likewise."""
        _grants_do_not_count()

    async def issue_token(
        self, agent: Point, *, label: str = "", scope: Scope | None = None, expires: float | None = None, by: Point
    ) -> IssuedToken:
        """As with ``grants``, for the hyperuser. Raises Forbidden for others."""
        _must_be_hyperuser(by, "make tokens")
        return await self._whole.issue_token(agent, label=label, scope=scope, expires=expires, by=by)

    async def tokens(self, *, agent: Point | None = None, by: Point) -> Sequence[TokenRecord]:
        """Returns all tokens to the hyperuser, and to other agents their own. Raises Forbidden."""
        if by == HYPERUSER:
            return await self._whole.tokens(agent=agent, by=by)
        if agent not in (None, by):
            _must_be_hyperuser(by, "see tokens of others")
        return await self._whole.tokens(agent=by, by=by)

    async def revoke_token(self, id: str, *, by: Point) -> TokenRecord:
        """The hyperuser may do this with any token, others only with their own. Raises Forbidden."""
        await self._must_be_own(id, by)
        return await self._whole.revoke_token(id, by=by)

    async def rotate_token(self, id: str, *, by: Point) -> IssuedToken:
        """The hyperuser may do this with any token, others only with their own. Raises Forbidden."""
        await self._must_be_own(id, by)
        return await self._whole.rotate_token(id, by=by)

    async def _must_be_own(self, id: str, by: Point) -> None:
        if by != HYPERUSER and not any(token.digest.startswith(id) for token in await self.tokens(by=by)):
            _must_be_hyperuser(by, "change tokens of others")


def _must_be_hyperuser(agent: Point, deed: str) -> None:
    """Raises Forbidden for any other agent, because grants from the time before the Cedar policies must not give power
    over other agents."""
    if agent != HYPERUSER:
        raise Forbidden(
            f"{agent.text!r} may not {deed}: where the Cedar policies decide alone, only the hyperuser may",
            hint="ask the operator of the machine",
        )


def _grants_do_not_count() -> NoReturn:
    raise NoDriver(
        "grants do not count here: the policy 'cedar' decides alone",
        hint='change the Cedar policies, or set `mode = "narrow"` in the table [security]',
    )
