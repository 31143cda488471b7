"""The commands about access, by the rules of the policy ``grants``."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from hyperverse_core.errors import BadRequest, Forbidden, NotFound
from hyperverse_core.policy import Administration, Holders, Holding, IssuedToken, PolicyView, Preview, token_digest
from hyperverse_core.registry import ParticleRecord, TokenRecord, as_storable
from hyperverse_core.values import (
    ANONYMOUS,
    HYPERUSER,
    Access,
    AccessExplanation,
    AccessGrant,
    GrantWord,
    Kind,
    Point,
    Scope,
    Selector,
    explain,
)

from .gathered import BUILT_IN, FindGrants, gather, is_star
from .matching import check_named, kinds_of, pages_of, platform_record
from .preview import NamedAgents, Previews

__all__ = ["GrantsAdministration"]

_MOST_AGENTS = 1000
_TOKEN_BYTES = 32
_SHORTEST_ID = 6


class GrantsAdministration(Administration):
    """Makes grants, revokes them, and changes owners.

    Args:
        view: the part of the platform that may be read.
        find_grants: returns the grants of query roots.
        same_owner: whether the rule of the same owner holds.
        now: the time in seconds since 1970.
    """

    def __init__(
        self, view: PolicyView, find_grants: FindGrants, *, same_owner: bool, now: Callable[[], float]
    ) -> None:
        self._now = now
        self._view = view
        self._find_grants = find_grants
        self._same_owner = same_owner
        self._previews = Previews(view, find_grants, same_owner=same_owner)

    # -- grants -------------------------------------------------------------------------------------------

    async def grant(self, grant: AccessGrant) -> AccessGrant:
        """See :meth:`Administration.grant`. The grantor needs full access, for a ``super`` grant super access, on at
        least one particle that the grant is about; where it has none, the grant is void there."""
        await self._check_grant(grant)
        return await self._view.registry.grant(grant)

    async def revoke(self, number: int, *, by: Point) -> AccessGrant:
        """See :meth:`Administration.revoke`. The grantor may do it, and any agent with full access on the grantor, or
        on the point with which the grant's selector begins."""
        await self._revocable(number, by)
        return await self._view.registry.revoke(number)

    async def grants(
        self, *, on: Selector | None = None, to: Selector | None = None, by: Point
    ) -> Sequence[AccessGrant]:
        """See :meth:`Administration.grants`. An agent may see the grants that it has made, that name it, and that begin
        at a particle on which it has full access."""
        found = await self._visible(await self._view.registry.grants(), by)
        if on is not None:
            found = await self._touching(found, on, lambda grant: grant.on)
        if to is not None:
            found = await self._touching(found, to, lambda grant: grant.to)
        return found

    async def preview_grant(self, grant: AccessGrant) -> Preview:
        """See :meth:`Administration.preview_grant`."""
        await self._check_grant(grant)
        return await self._previews.of_grants([grant], [])

    async def preview_revoke(self, number: int, *, by: Point) -> Preview:
        """See :meth:`Administration.preview_revoke`."""
        return await self._previews.of_grants([], [await self._revocable(number, by)])

    async def _check_grant(self, grant: AccessGrant) -> None:
        for selector in (grant.on, grant.to):
            await check_named(self._view, selector)
        if grant.by == HYPERUSER or is_star(grant.by):
            return
        refused: AccessExplanation | None = None
        async for records in pages_of(self._view, grant.on):
            for found in await self._look_at([(grant.by, record) for record in records]):
                if _has_power(found.access, grant):
                    return
                refused = refused or found
        if refused is None:  # it applies to particles that do not exist yet
            root = (await self._view.records((grant.on.anchor,))).get(grant.on.anchor)
            if root is not None:
                (refused,) = await self._look_at([(grant.by, root)])
                if _has_power(refused.access, grant):
                    return
        raise _no_power(grant, refused)

    async def _revocable(self, number: int, by: Point) -> AccessGrant:
        found = next((grant for grant in await self._view.registry.grants() if grant.id == number), None)
        if found is None or not await self._visible([found], by):
            raise NotFound(f"no grant {number}", hint="`grants` lists them with their numbers")
        if by in (HYPERUSER, found.by):
            return found
        if await self._is_full(by, found.by) or await self._is_full(by, found.on.anchor):
            return found
        raise Forbidden(
            f"{by.text!r} may not revoke grant {number}",
            hint=f"its grantor {found.by.text!r} may, and whoever has full access on that or on {found.on.anchor}",
        )

    async def _visible(self, grants: Sequence[AccessGrant], by: Point) -> list[AccessGrant]:
        if by == HYPERUSER or is_star(by):
            return list(grants)
        kinds = (await kinds_of(self._view, [by]))[by]
        full = {root: await self._is_full(by, root) for root in {grant.on.anchor for grant in grants}}
        return [
            grant
            for grant in grants
            if grant.by == by or full[grant.on.anchor] or (kinds and grant.to.matches(by, kinds))
        ]

    async def _touching(
        self, grants: Sequence[AccessGrant], selector: Selector, side: Callable[[AccessGrant], Selector]
    ) -> list[AccessGrant]:
        """Returns those of ``grants`` whose selector matches a particle that ``selector`` matches, or is the same."""
        touched = {grant.id for grant in grants if side(grant) == selector}
        async for records in pages_of(self._view, selector):
            found = await kinds_of(self._view, [record.point for record in records])
            for grant in grants:
                if grant.id not in touched and any(_fits(side(grant), p, kinds) for p, kinds in found.items()):
                    touched.add(grant.id)
        for point, kind in BUILT_IN.items():  # they need no record
            if selector.is_exact and selector.query_root == point:
                touched |= {g.id for g in grants if _fits(side(g), point, _built_in_kinds(point, kind))}
        return [grant for grant in grants if grant.id in touched]

    # -- owners -------------------------------------------------------------------------------------------

    async def chown(self, records: Sequence[ParticleRecord], owner: Point, *, by: Point) -> None:
        """See :meth:`Administration.chown`. The agent needs super access on each of the particles: to own one is not
        enough."""
        await self._check_chown(records, owner, by)
        await self._view.registry.chown([record.point for record in records], owner)

    async def preview_chown(self, records: Sequence[ParticleRecord], owner: Point, *, by: Point) -> Preview:
        """See :meth:`Administration.preview_chown`."""
        await self._check_chown(records, owner, by)
        return await self._previews.of_owner(records, owner)

    async def _check_chown(self, records: Sequence[ParticleRecord], owner: Point, by: Point) -> None:
        if owner != HYPERUSER and owner not in await self._view.records((owner,)):
            raise NotFound(f"no particle {owner.text!r}, which is to be the owner")
        if by == HYPERUSER or is_star(by):
            return
        for found in await self._look_at([(by, record) for record in records]):
            if not found.access.has_super:
                raise Forbidden(
                    f"{by.text!r} may not change the owner of {found.target.text!r}",
                    hint=f"it takes super access, and there it has {found.access}: {found.rule}; "
                    f"`grant super on {found.target} to {by}` by somebody with super access gives it",
                )

    # -- who may do what ----------------------------------------------------------------------------------

    async def holders(self, record: ParticleRecord) -> Holders:
        """See :meth:`Administration.holders`."""
        ((agents, complete),) = await NamedAgents(self._view, self._find_grants, _MOST_AGENTS).of([record])
        holdings = []
        for found in await self._look_at([(agent, record) for agent in sorted({*agents, HYPERUSER, record.owner})]):
            if found.access != Access.NONE:
                counting = tuple(verdict.grant.id for verdict in found.verdicts if verdict.counts)
                holdings.append(Holding(found.agent, found.access, found.rule, counting))
        return Holders(tuple(holdings), await self._family(record), complete)

    async def _family(self, record: ParticleRecord) -> str:
        owner = record.owner
        if not self._same_owner:
            return ""
        known = await self._view.records((owner,))
        if owner != HYPERUSER and (owner not in known or known[owner].kind.base != "User"):
            return ""
        return f"besides, every particle that belongs to {owner} and is not a User has the owner's access"

    # -- tokens -------------------------------------------------------------------------------------------

    async def issue_token(
        self, agent: Point, *, label: str = "", scope: Scope | None = None, expires: float | None = None, by: Point
    ) -> IssuedToken:
        """See :meth:`Administration.issue_token`. Requires full access on ``agent``; only the hyperuser may issue
        tokens for the hyperuser."""
        if agent == ANONYMOUS or is_star(agent):
            raise Forbidden(f"nobody comes in as {agent.text!r} with a token that a command makes")
        if agent != HYPERUSER and agent not in await self._view.records((agent,)):
            raise NotFound(f"no particle {agent.text!r}", hint="`hyperverse user add NAME` makes a user")
        if not await self._may_administer(by, agent):
            raise Forbidden(
                f"{by.text!r} may not make tokens for {agent.text!r}",
                hint=f"it takes full access on {agent}" if agent != HYPERUSER else "only the hyperuser may",
            )
        if expires is not None and expires <= self._now():
            raise BadRequest("the token would have expired already", hint="let it expire in the future")
        return await self._issue(agent, label, "" if scope is None else str(scope), expires)

    async def tokens(self, *, agent: Point | None = None, by: Point) -> Sequence[TokenRecord]:
        """See :meth:`Administration.tokens`. An agent may see its own tokens, and those of agents on which it has full
        access."""
        found = [t for t in await self._view.registry.tokens() if agent is None or t.agent == agent]
        known = {of: of == by or await self._may_administer(by, of) for of in {token.agent for token in found}}
        return [token for token in found if known[token.agent]]

    async def revoke_token(self, id: str, *, by: Point) -> TokenRecord:
        """See :meth:`Administration.revoke_token`. An agent that may see a token may revoke it."""
        token = await self._token(id, by)
        await self._view.registry.revoke_token(token.digest)
        return token

    async def rotate_token(self, id: str, *, by: Point) -> IssuedToken:
        """See :meth:`Administration.rotate_token`. The new token is valid before the old one is revoked."""
        token = await self._token(id, by)
        issued = await self._issue(token.agent, as_storable(token.label), token.scope, token.expires)
        await self._view.registry.revoke_token(token.digest)
        return issued

    async def _issue(self, agent: Point, label: str, scope: str, expires: float | None) -> IssuedToken:
        secret = secrets.token_urlsafe(_TOKEN_BYTES)
        record = TokenRecord(token_digest(secret), agent, label, scope, self._now(), expires)
        await self._view.registry.add_token(record)
        return IssuedToken(secret, record)

    async def _token(self, id: str, by: Point) -> TokenRecord:
        if len(id) < _SHORTEST_ID:
            raise BadRequest(f"{id!r} is not the id of a token", hint=f"an id has at least {_SHORTEST_ID} characters")
        found = [token for token in await self.tokens(by=by) if token.digest.startswith(id)]
        if len(found) != 1:
            raise NotFound(f"no token {id!r}" if not found else f"several tokens begin with {id!r}")
        return found[0]

    async def _may_administer(self, by: Point, agent: Point) -> bool:
        if by == HYPERUSER:
            return True
        return agent != HYPERUSER and await self._is_full(by, agent)

    # -- how it finds out ---------------------------------------------------------------------------------

    async def _is_full(self, agent: Point, point: Point) -> bool:
        record = (await self._view.records((point,))).get(point) or platform_record(point)
        if record is None:
            return False
        (found,) = await self._look_at([(agent, record)])
        return found.access.has_full

    async def _look_at(self, questions: Sequence[tuple[Point, ParticleRecord]]) -> list[AccessExplanation]:
        gathered = await gather(self._view, self._find_grants, questions)
        return [
            explain(agent, record.point, view, same_owner=self._same_owner)
            for (agent, record), view in zip(questions, gathered, strict=True)
        ]


def _has_power(access: Access, grant: AccessGrant) -> bool:
    return access.has_super if grant.kind.word is GrantWord.SUPER else access.has_full


def _no_power(grant: AccessGrant, found: AccessExplanation | None) -> Forbidden:
    """Returns the refusal of a grant that would be void everywhere; it explains the access of the agent on the first
    particle."""
    needed = "super" if grant.kind.word is GrantWord.SUPER else "full"
    hint = f"a grantor needs {needed} access on what it grants"
    if found is not None:
        hint += f"; on {found.target} it has {found.access}: {found.rule}, and the owner is {found.owner}"
    return Forbidden(f"{grant.by.text!r} may not grant anything on {str(grant.on)!r}", hint=hint)


def _fits(selector: Selector, point: Point, kinds: Sequence[Kind]) -> bool:
    return len(kinds) == len(point.segments) and selector.matches(point, kinds)


def _built_in_kinds(point: Point, kind: Kind) -> Sequence[Kind]:
    above = [BUILT_IN.get(step) for step in reversed(list(point.ancestors())) if not step.is_root]
    return [*(step for step in above if step is not None), kind]
