"""GrantsPolicy: owners, grants and tokens decide. The rules are in ``docs/reference/access.md#the-rules``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from hyperverse_core.errors import InternalError, Unauthorized
from hyperverse_core.policy import (
    Credentials,
    Decision,
    Explanation,
    Identified,
    PolicyView,
    Request,
    SecurityPolicy,
    Vouched,
    token_digest,
)
from hyperverse_core.registry import Change, ChangeKind, ParticleRecord, TokenRecord
from hyperverse_core.values import (
    ANONYMOUS,
    HYPERUSER,
    Access,
    AccessExplanation,
    Point,
    Scope,
    ScopeKind,
    Verdict,
    explain,
)

from .administration import GrantsAdministration
from .gathered import Gathered, Question, gather, is_platforms_own, is_star, path_of
from .grant_book import GrantBook
from .reasons import covers, explained, told
from .refusal import refused
from .settings import GrantsSettings

__all__ = ["GrantsPolicy"]

_HOW_TO_GET_ONE = (
    "whoever runs the machine finds one in the file 'token' of its data directory, and makes one for a user with "
    "`hyperverse user token NAME`; hand it over as `token=...` or in HYPERVERSE_TOKEN"
)


@attrs.frozen
class _Found:
    """The access of an agent to a target, the rule that gives it, and the points on which that rests.

    Attributes:
        verdicts: whether the grants to the agent on the target count.
        yes: the decision for anything allowed, the same object for all that share this result: the gate keeps it.
    """

    access: Access
    rule: str
    rests_on: frozenset[Point]
    verdicts: tuple[Verdict, ...] = ()
    yes: Decision = attrs.field(init=False)

    @yes.default
    def _yes(self) -> Decision:
        return Decision.allow(self.rule, rests_on=self.rests_on)


_NEVER_CHANGES: frozenset[Point] = frozenset()
_HYPERUSER = _Found(Access.SUPER, "the hyperuser may do everything", _NEVER_CHANGES)
_STAR = _Found(Access.SUPER, "a star acts for the platform", _NEVER_CHANGES)


class GrantsPolicy(SecurityPolicy):
    """The default policy: the hyperuser and the stars may do everything, an owner everything on what it owns, and
    everybody else what grants give them (``docs/reference/access.md#the-rules``).

    Args:
        settings: see :class:`~hyperverse_grants.settings.Settings`.
        now: the time in seconds since 1970, by which tokens expire.

    Raises:
        ConfigError: there is no such setting, or its value is not true or false.
    """

    settings_class = GrantsSettings
    plain_settings = ("same_owner", "anonymous")

    def __init__(self, settings: Mapping[str, Any] | None = None, *, now: Callable[[], float] = time.time) -> None:
        super().__init__(settings)
        self._now = now
        self._rules = GrantsSettings.of(self.settings)
        self._view: PolicyView | None = None
        self._book: GrantBook | None = None

    # -- life ---------------------------------------------------------------------------------------------

    async def open(self, view: PolicyView) -> None:
        """Keeps the view to read from later; reads nothing yet."""
        self._view = view
        self._book = GrantBook(view.registry)

    async def close(self) -> None:
        """Forgets everything. May be called twice."""
        self.forget()

    def changed(self, change: Change) -> None:
        """Drops the grants of one query root when a grant was made or revoked there; the fabric drops records."""
        if self._book is not None and change.kind in (ChangeKind.GRANTED, ChangeKind.REVOKED):
            self._book.changed(change.point)

    def forget(self) -> None:
        """Drops all grants that were read."""
        if self._book is not None:
            self._book.forget()

    # -- identities ---------------------------------------------------------------------------------------

    async def authenticate(self, credentials: Credentials) -> Point:
        """Returns the agent of the presented token, or the agent that a gateway has identified; Anonymous without
        either, if the settings allow that.

        Tokens are looked up by their SHA-256, so a guess cannot approach the value with which it is compared.

        Raises:
            Unauthorized: no token, an unknown token, a token of a machine, or a token whose agent has been deleted; or
                a gateway has identified an agent that is not a user.
        """
        if credentials.vouched is not None:
            return await self._vouched(credentials.vouched)
        if not credentials.token and self._rules.anonymous:
            return ANONYMOUS
        agent = await self._bearer(credentials)
        if is_star(agent):
            raise Unauthorized("the token that was shown is for a machine, not for a client", hint=_HOW_TO_GET_ONE)
        if agent not in (HYPERUSER, ANONYMOUS) and agent not in await self._opened().records((agent,)):
            raise Unauthorized(
                f"the token that was shown is for {agent.text!r}, who does not exist any more",
                hint=_HOW_TO_GET_ONE,
            )
        return agent

    async def identify(self, credentials: Credentials) -> Identified:
        """Returns the agent of the presented token, with the scope and the expiry of that token. Raises as
        :meth:`authenticate` does."""
        before = await self._known(credentials)
        agent = await self.authenticate(credentials)
        if credentials.vouched is not None:
            return Identified(agent, None, credentials.vouched.expires, credentials.vouched.name)
        # A token that is revoked meanwhile still sets its bounds; only a subclass has tokens that we never see.
        known = before or await self._known(credentials)
        if known is None:
            return Identified(agent)
        scope = Scope.parse(known.scope) if known.scope else None
        return Identified(agent, scope, known.expires, f"{known.id} {known.label}".rstrip())

    async def _known(self, credentials: Credentials) -> TokenRecord | None:
        """Returns the presented token, if the registry has it."""
        return await self._opened().registry.token(token_digest(credentials.token)) if credentials.token else None

    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        """Admits a machine that presents the token of its own star, ``STAR::machine:NAME[0]``.

        Raises:
            Unauthorized: no token, or one that does not belong to that star.
        """
        agent = await self._bearer(credentials)
        key = agent.star_key
        if key is None or not is_star(agent) or (key.constellation, key.name, key.index) != ("machine", name, 0):
            raise Unauthorized(
                f"the token that was shown does not belong to the machine {name!r}",
                hint="add a token for the machine's star to the registry, or use a transport that proves keys",
            )

    async def _vouched(self, word: Vouched) -> Point:
        """Returns the User that a gateway has identified, as long as the identification is valid and the User
        exists."""
        if word.expires <= self._now():
            raise Unauthorized("the login has ended", hint="log in again")
        record = (await self._opened().records((word.agent,))).get(word.agent)
        if record is None or record.kind.base != "User":
            raise Unauthorized(
                f"there is no user {word.agent.text!r}",
                hint=f"hyperverse user add {word.agent.text.rpartition(':')[2]}",
            )
        return word.agent

    async def _bearer(self, credentials: Credentials) -> Point:
        """Returns the agent in whose name the bearer of a token acts."""
        if not credentials.token:
            raise Unauthorized("no token was shown", hint=_HOW_TO_GET_ONE)
        known = await self._opened().registry.token(token_digest(credentials.token))
        if known is None:
            raise Unauthorized("the token that was shown is not known here", hint=_HOW_TO_GET_ONE)
        if known.expires is not None and known.expires <= self._now():
            raise Unauthorized("the token that was shown has expired", hint=_HOW_TO_GET_ONE)
        return known.agent

    # -- what they may do ---------------------------------------------------------------------------------

    async def decide(self, request: Request) -> Decision:
        """Decides whether the agent may do it, with as few look-ups as possible: it does not look up whether an owner
        also has super by a grant. See :meth:`access` for that."""
        agent, target = request.agent, request.record
        found = self._at_once(agent, target) or await self._shared(agent, target)
        if found is None:
            (found,) = await self._by_grants([(agent, target)])
        if request.scope is None and covers(found.access, request.need):
            return found.yes
        return await self._answer(request, found)

    async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
        """Decides many requests, with one look-up of grants and one of records for all of them."""
        found = {n: known for n, r in enumerate(requests) if (known := self._at_once(r.agent, r.record)) is not None}
        missing = [n for n in range(len(requests)) if n not in found]
        if missing:
            questions = [(requests[n].agent, requests[n].record) for n in missing]
            found |= zip(missing, await self._by_grants(questions), strict=True)
        return [await self._answer(request, found[n]) for n, request in enumerate(requests)]

    async def explain(self, request: Request) -> Explanation:
        """The answer with the rule that decided, and every grant that was considered, with its number and grantor."""
        found = await self.explain_access(request.agent, request.record)
        return explained(request, await self.decide(request), found)

    async def access(self, agent: Point, target: ParticleRecord) -> Access:
        """All that ``agent`` may do on ``target``."""
        return (await self.explain_access(agent, target)).access

    async def explain_access(self, agent: Point, target: ParticleRecord) -> AccessExplanation:
        """All that ``agent`` may do on ``target``, with the rule and the grants that decide."""
        if is_star(agent):
            access = Access.SUPER_OWNER if agent == target.owner else Access.SUPER
            return AccessExplanation(agent, target.point, access, _STAR.rule, target.owner)
        (gathered,) = await gather(self._opened(), self._grants().grants, [(agent, target)])
        return explain(agent, target.point, gathered, same_owner=self._rules.same_owner)

    @property
    def administration(self) -> GrantsAdministration:
        """Grants, revocations and new owners, by the same rules."""
        return GrantsAdministration(
            self._opened(), self._grants().grants, same_owner=self._rules.same_owner, now=self._now
        )

    # -- how it finds out ---------------------------------------------------------------------------------

    def _at_once(self, agent: Point, target: ParticleRecord) -> _Found | None:
        """The answers that need no look-up."""
        if agent == HYPERUSER:
            return _HYPERUSER
        if agent == target.owner:
            return _Found(Access.OWNER, "it is the owner", frozenset({target.point}))
        return _STAR if is_star(agent) else None

    async def _shared(self, agent: Point, target: ParticleRecord) -> _Found | None:
        """The owner's access where agent and target belong to the same person: one look-up of two records."""
        if not self._rules.same_owner or is_platforms_own(target):
            return None
        owner = target.owner
        wanted = (agent,) if owner == HYPERUSER else (agent, owner)  # the hyperuser needs no record
        records = await self._opened().records(wanted)
        own = records.get(agent)
        if own is None or own.owner != owner:
            return None
        view = Gathered(target, records)
        if not view.is_user(owner) or view.is_user(agent):
            return None
        return _Found(Access.OWNER, f"both belong to {owner}", frozenset({target.point, agent, owner}))

    async def _by_grants(self, questions: Sequence[Question]) -> list[_Found]:
        """The answers of all rules together."""
        view, same_owner = self._opened(), self._rules.same_owner
        answers = []
        for (agent, target), gathered in zip(
            questions, await gather(view, self._grants().grants, questions), strict=True
        ):
            found = explain(agent, target.point, gathered, same_owner=same_owner)
            answers.append(_Found(found.access, found.rule, gathered.rests_on, found.verdicts))
        return answers

    async def _answer(self, request: Request, found: _Found) -> Decision:
        """The decision that follows from the access and the scope of the request."""
        access, rests_on = found.access, found.rests_on
        if request.scope is not None and request.scope.kind is not ScopeKind.FULL:
            access, looked_up = await self._bound(request, access)
            rests_on |= looked_up
        if covers(access, request.need):
            return found.yes if rests_on is found.rests_on else Decision.allow(found.rule, rests_on=rests_on)
        return refused(
            request,
            rests_on,
            access,
            rule=found.rule,
            reasons=told(request.need, found.verdicts),
            by_scope=covers(found.access, request.need),
        )

    async def _bound(self, request: Request, access: Access) -> tuple[Access, frozenset[Point]]:
        """``access`` within the scope of the request, and the points that were looked up for it."""
        scope, target = request.scope, request.record
        if scope is None or scope.kind is ScopeKind.NONE:
            return Access.NONE, frozenset()
        path = path_of(target.point)
        records = await self._opened().records(tuple(step for step in path if step != target.point))
        kinds = Gathered(target, records).kinds(target.point)
        if len(kinds) != len(target.point.segments):
            return Access.NONE, frozenset(path)  # no selector can name a point outside the Hyperverse
        return scope.bound(access, target.point, kinds), frozenset(path)

    def _opened(self) -> PolicyView:
        if self._view is None:
            raise InternalError("the policy 'grants' was asked before it was opened")
        return self._view

    def _grants(self) -> GrantBook:
        if self._book is None:
            raise InternalError("the policy 'grants' was asked before it was opened")
        return self._book
