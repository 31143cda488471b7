"""GrantsPolicy: owners, grants and tokens decide (universe 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from hyperverse_core.contracts.policy import Knock, Need, PolicyView, SecurityPolicy
from hyperverse_core.contracts.registry import ParticleRecord
from hyperverse_core.errors import InternalError, Unauthorized
from hyperverse_core.universe.access.access import Access, Explanation, explain
from hyperverse_core.universe.access.scope import Scope, ScopeKind
from hyperverse_core.universe.address.point import ANONYMOUS, HYPERUSER, Point

from .gathered import Gathered, gather, kinds_of, path_of
from .grant_book import GrantBook
from .refusal import refused
from .settings import Settings

__all__ = ["GrantsPolicy"]

_HOW_TO_GET_ONE = (
    "whoever runs the machine finds one in the file 'token' of its data directory; "
    "hand it over as `token=...` or in HYPERVERSE_TOKEN"
)


class GrantsPolicy(SecurityPolicy):
    """The default policy: the hyperuser and the stars may do everything, an owner everything on what it owns,
    and everybody else what grants give them, by the algebra of universe 7.5.

    Args:
        settings: see :class:`~hyperverse_grants.settings.Settings`.

    Raises:
        ConfigError: there is no such setting, or it is no yes or no.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings)
        self._rules = Settings.of(self.settings)
        self._view: PolicyView | None = None
        self._book: GrantBook | None = None

    async def open(self, view: PolicyView) -> None:
        """Takes what it will ask; nothing is read yet."""
        self._view = view
        self._book = GrantBook(view.registry)

    async def close(self) -> None:
        """Forgets everything. May be called twice."""
        self.forget()

    def forget(self) -> None:
        """Drops the grants that were read; records are the fabric's to drop."""
        if self._book is not None:
            self._book.forget()

    # -- who somebody is ----------------------------------------------------------------------------------

    async def authenticate(self, knock: Knock) -> Point:
        """The agent of the token that is shown; Anonymous for none, where the settings allow for it.

        Tokens are looked up by their SHA-256, so that a guess cannot approach what it is compared with.

        Raises:
            Unauthorized: no token, one that is not known, or one whose agent has been deleted.
        """
        view = self._opened()
        if not knock.token:
            if self._rules.anonymous:
                return ANONYMOUS
            raise Unauthorized("no token was shown", hint=_HOW_TO_GET_ONE)
        digest = hashlib.sha256(knock.token.encode("utf-8", "surrogatepass")).hexdigest()
        known = await view.registry.token(digest)
        if known is None:
            raise Unauthorized("the token that was shown is not known here", hint=_HOW_TO_GET_ONE)
        agent = known.agent
        if agent not in (HYPERUSER, ANONYMOUS) and agent not in await view.records((agent,)):
            raise Unauthorized(
                f"the token that was shown is for {agent.text!r}, who does not exist any more",
                hint=_HOW_TO_GET_ONE,
            )
        return agent

    # -- what they may do ---------------------------------------------------------------------------------

    async def authorize(
        self, agent: Point, need: Need, target: ParticleRecord, *, scope: Scope | None = None
    ) -> Access:
        """What ``agent`` may do on ``target``, as far as was needed to find out: whether an owner has super
        besides by a grant is not looked up. Ask :meth:`access` for that. Raises Forbidden."""
        access = self._at_once(agent, target) or await self._shared(agent, target)
        if access is None:
            access = (await self.explain(agent, target)).access
        bounded = access if scope is None else await self._bound(access, scope, target)
        if _covers(bounded, need):
            return bounded
        raise refused(agent, need, target, by_scope=_covers(access, need))

    async def access(self, agent: Point, target: ParticleRecord) -> Access:
        """All that ``agent`` may do on ``target``."""
        return (await self.explain(agent, target)).access

    async def explain(self, agent: Point, target: ParticleRecord) -> Explanation:
        """All that ``agent`` may do on ``target``, with the rule and the grants that decide."""
        if _is_star(agent):
            owns = agent == target.owner
            access = Access.SUPER_OWNER if owns else Access.SUPER
            return Explanation(agent, target.point, access, "a star acts for the platform", target.owner)
        return explain(agent, target.point, await self._gather(agent, target), same_owner=self._rules.same_owner)

    def _at_once(self, agent: Point, target: ParticleRecord) -> Access | None:
        """The answers that need no look-up."""
        owns = agent == target.owner
        if agent == HYPERUSER or _is_star(agent):
            return Access.SUPER_OWNER if owns else Access.SUPER
        return Access.OWNER if owns else None

    async def _shared(self, agent: Point, target: ParticleRecord) -> Access | None:
        """The owner's access where agent and target belong to the same person: one look-up of two records."""
        if not self._rules.same_owner:
            return None
        owner = target.owner
        wanted = (agent,) if owner == HYPERUSER else (agent, owner)  # the hyperuser needs no record
        records = await self._opened().records(wanted)
        own = records.get(agent)
        if own is None or own.owner != owner:
            return None
        view = Gathered(records, {})
        return Access.OWNER if view.is_user(owner) and not view.is_user(agent) else None

    async def _bound(self, access: Access, scope: Scope, target: ParticleRecord) -> Access:
        if scope.kind is not ScopeKind.GRANTS:
            return access if scope.kind is ScopeKind.FULL else Access.NONE
        above = tuple(step for step in path_of(target.point) if step != target.point)
        records = {**await self._opened().records(above), target.point: target}
        kinds = kinds_of(target.point, records)
        if len(kinds) != len(target.point.segments):
            return Access.NONE  # no selector names what lies outside of the cosmos
        return scope.bound(access, target.point, kinds)

    async def _gather(self, agent: Point, target: ParticleRecord) -> Gathered:
        view = self._opened()
        assert self._book is not None
        return await gather(view, self._book, agent, target)

    def _opened(self) -> PolicyView:
        if self._view is None:
            raise InternalError("the policy 'grants' was asked before it was opened")
        return self._view


def _is_star(agent: Point) -> bool:
    """Whether ``agent`` is a star itself. The fabric alone gives a wave such an agent."""
    return agent.star_key is not None and agent == agent.star_key.point


def _covers(access: Access, need: Need) -> bool:
    if access.has_full:
        return True
    permissions = access.permissions()
    return all(permissions.has(letter) for letter in need.permission) and (
        not need.privilege or access.has_privilege(need.privilege)
    )
