"""Access: what an agent may do on a particle, and the rules that decide it. docs/reference/access.md#the-rules.

The rules are pure functions of an `AccessView`, which answers who owns a particle, which Kinds it has and which grants
there are. `evaluate` returns the access, `explain` returns it with its reasons.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Protocol

import attrs

from ..address.point import HYPERUSER, Point
from ..address.route import RouteKind
from ..kinds.kind import Kind
from ..selectors.selector import Selector
from .grant import AccessGrant, GrantKind, GrantWord
from .permissions import MaskKind, Permissions, PermissionsMask, Privileges

__all__ = [
    "Access",
    "AccessExplanation",
    "AccessGrant",
    "AccessKind",
    "AccessView",
    "GrantKind",
    "GrantWord",
    "MaskKind",
    "Permissions",
    "PermissionsMask",
    "Privileges",
    "Verdict",
    "evaluate",
    "explain",
    "grant_roots",
]


class AccessKind(enum.Enum):
    """The four sorts of access."""

    SUPER = "Super"
    """Everything, including the right to change the owner."""
    OWNER = "Owner"
    """Everything on what the agent owns."""
    SUPER_OWNER = "SuperOwner"
    """Both."""
    ENUMERATED = "Enumerated"
    """Listed permissions and privileges."""


@attrs.frozen
class Access:
    """What an agent may do on a particle.

    Attributes:
        kind: the sort of access. Super, Owner and SuperOwner allow everything.
        listed: the permissions of an Enumerated access.
        privileges: the privileges of an Enumerated access.
    """

    kind: AccessKind
    listed: Permissions = Permissions.NONE
    privileges: Privileges = Privileges.NONE

    SUPER: ClassVar[Access]
    OWNER: ClassVar[Access]
    SUPER_OWNER: ClassVar[Access]
    NONE: ClassVar[Access]

    @classmethod
    def enumerated(cls, permissions: Permissions, privileges: Privileges = Privileges.NONE) -> Access:
        """Returns the access that allows these and nothing else.

        Args:
            permissions: what the agent may do.
            privileges: the privileges that it has.
        """
        return cls(AccessKind.ENUMERATED, permissions, privileges)

    @property
    def has_super(self) -> bool:
        """Whether the agent may do everything, change the owner, and grant ``super`` to others."""
        return self.kind in (AccessKind.SUPER, AccessKind.SUPER_OWNER)

    @property
    def has_owner(self) -> bool:
        """Whether the agent has the access of the owner."""
        return self.kind in (AccessKind.OWNER, AccessKind.SUPER_OWNER)

    @property
    def has_full(self) -> bool:
        """Whether the agent may do everything. Grants are effective only if their grantor has such access."""
        return self.kind is not AccessKind.ENUMERATED

    def permissions(self) -> Permissions:
        """Returns the permissions that the agent has."""
        return Permissions.FULL if self.has_full else self.listed

    def has_privilege(self, name: str) -> bool:
        """Whether the agent has the privilege ``name``."""
        return self.has_full or self.privileges.has(name)

    def __str__(self) -> str:
        if self.has_full:
            return self.kind.value
        held = f" with {self.privileges}" if self.privileges.names else ""
        return f"{self.listed}{held}"


Access.SUPER = Access(AccessKind.SUPER)
Access.OWNER = Access(AccessKind.OWNER)
Access.SUPER_OWNER = Access(AccessKind.SUPER_OWNER)
Access.NONE = Access(AccessKind.ENUMERATED)


class AccessView(Protocol):
    """What the rules query about particles. All answers must describe the same moment."""

    def owner(self, point: Point) -> Point | None:
        """Returns the owner of the particle ``point``; None if it is not registered."""

    def kinds(self, point: Point) -> Sequence[Kind]:
        """Returns the Kind of each segment of ``point``, outermost first; nothing if it is not registered."""

    def grants(self, root: Point) -> Iterable[AccessGrant]:
        """Returns the grants whose query root is ``root``."""

    def is_user(self, point: Point) -> bool:
        """Whether ``point`` is a particle of Kind User, or the hyperuser."""


@attrs.frozen
class Verdict:
    """Whether a grant for this agent and target is effective.

    Attributes:
        grant: the grant.
        counts: whether it is effective.
        reason: why, as a part of a sentence.
    """

    grant: AccessGrant
    counts: bool
    reason: str


@attrs.frozen
class AccessExplanation:
    """What an agent may do on a particle, and why.

    Attributes:
        agent, target: the agent and the particle.
        access: what the agent may do.
        rule: the rule that decided, as a sentence.
        owner: the owner of the particle; None if it is not registered.
        verdicts: all grants on the particle to the agent, those at the particle first, then those above it.
    """

    agent: Point
    target: Point
    access: Access
    rule: str
    owner: Point | None
    verdicts: tuple[Verdict, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{self.agent} on {self.target}: {self.access}",
            f"owner: {'nobody' if self.owner is None else self.owner}",
            f"decided by: {self.rule}",
        ]
        for verdict in self.verdicts:
            sign = "counts" if verdict.counts else "void"
            lines.append(f"grant {verdict.grant.id} ({verdict.grant}): {sign}, {verdict.reason}")
        return "\n".join(lines)


def evaluate(agent: Point, target: Point, view: AccessView, *, same_owner: bool = True) -> Access:
    """Returns what ``agent`` may do on ``target``.

    Args:
        agent: the particle that wants to act.
        target: the particle that it wants to act on.
        view: owners, Kinds and grants.
        same_owner: whether a particle that is not a User has the owner's access on particles of the same owner, if
            that owner is a User or the hyperuser.
    """
    return explain(agent, target, view, same_owner=same_owner).access


def explain(agent: Point, target: Point, view: AccessView, *, same_owner: bool = True) -> AccessExplanation:
    """Returns what `evaluate` returns for the same ``agent``, ``target``, ``view`` and ``same_owner``, with the rule
    and the grants that decided."""
    return _Target(target, view, same_owner).explain(agent)


def grant_roots(target: Point) -> Iterator[Point]:
    """Yields the query roots that a grant on ``target`` can have: the target and the points above it, nearest first."""
    yield target
    yield from target.ancestors()


class _Target:
    """A particle and the grants on it.

    Whether a grantor has full access depends on owners and on chains of ``super`` grants, never on masks. So the
    grantors with ``super`` are found first: the search starts at the hyperuser and follows the grants. It never enters
    a cycle of grants that no grantor with ``super`` has started, and the result does not depend on the order of grants.
    """

    def __init__(self, target: Point, view: AccessView, same_owner: bool) -> None:
        self._target = target
        self._view = view
        self._same_owner = same_owner
        self._owner = view.owner(target)
        self._grants = [
            grant for root in grant_roots(target) for grant in view.grants(root) if self._fits(grant.on, target)
        ]
        self._supers = self._find_supers()

    def explain(self, agent: Point) -> AccessExplanation:
        verdicts = tuple(self._verdict(grant) for grant in self._grants if self._fits(grant.to, agent))
        access, rule = self._decide(agent, verdicts)
        return AccessExplanation(agent, self._target, access, rule, self._owner, verdicts)

    def _decide(self, agent: Point, verdicts: tuple[Verdict, ...]) -> tuple[Access, str]:
        owns = self._owner == agent
        if agent == HYPERUSER:
            return (Access.SUPER_OWNER if owns else Access.SUPER), "the hyperuser may do everything"
        if owns and agent == self._target:
            return Access.OWNER, "it owns itself"
        counting = [verdict.grant for verdict in verdicts if verdict.counts]
        for grant in counting:
            if grant.kind.word is GrantWord.SUPER:
                return (Access.SUPER_OWNER if owns else Access.SUPER), f"grant {grant.id} gives super"
        if owns:
            return Access.OWNER, "it is the owner"
        if self._shares_owner(agent):
            if not _is_platforms_own(self._target):
                return Access.OWNER, f"both belong to {self._owner}"
            access = _enumerate(counting, Permissions.FULL)
            return access, f"both belong to {self._owner}, which gives no privileges on the platform's own particles"
        access = _enumerate(counting)
        return access, "the effective grants" if counting else "nothing is granted"

    def _verdict(self, grant: AccessGrant) -> Verdict:
        if grant.kind.word is GrantWord.SUPER:
            counts = grant.by in self._supers
            return Verdict(grant, counts, f"{grant.by} has {'' if counts else 'no '}super access there")
        counts = self._is_full(grant.by)
        return Verdict(grant, counts, f"{grant.by} has {'' if counts else 'no '}full access there")

    def _is_full(self, agent: Point) -> bool:
        if agent in self._supers or self._owner == agent:
            return True
        return self._shares_owner(agent) and not _is_platforms_own(self._target)

    def _shares_owner(self, agent: Point) -> bool:
        owner = self._owner
        if not self._same_owner or owner is None or self._view.owner(agent) != owner:
            return False
        return not self._view.is_user(agent) and (owner == HYPERUSER or self._view.is_user(owner))

    def _find_supers(self) -> set[Point]:
        """Returns the grantors with super access: the hyperuser, and whoever has a ``super`` grant of one of them."""
        supers = {HYPERUSER}
        waiting = {grant.by for grant in self._grants} - supers
        if self._owner == self._target:
            waiting.discard(self._target)  # a particle that owns itself has the owner's access there, never super
        open_grants = [grant for grant in self._grants if grant.kind.word is GrantWord.SUPER]
        while live := [grant for grant in open_grants if grant.by in supers]:
            open_grants = [grant for grant in open_grants if grant.by not in supers]
            reached = {agent for agent in waiting if any(self._fits(grant.to, agent) for grant in live)}
            supers |= reached
            waiting -= reached
        return supers

    def _fits(self, selector: Selector, point: Point) -> bool:
        """Whether the selector of a grant matches ``point``.

        The same path with another route is another particle.
        """
        if selector.route != point.route:
            return False
        kinds = self._view.kinds(point)
        return len(kinds) == len(point.segments) and selector.matches(point, kinds)


def _is_platforms_own(point: Point) -> bool:
    """Returns whether ``point`` is a particle of the platform: acting on it means acting on a machine."""
    key = point.star_key
    return point.route.kind is RouteKind.GLOBAL or (key is not None and point == Point.of_star(key))


def _enumerate(grants: Iterable[AccessGrant], permissions: Permissions = Permissions.NONE) -> Access:
    """Returns the access that ``grants`` give together: first all that is added, then all restrictions.

    Args:
        grants: the effective grants.
        permissions: what the agent has without them.
    """
    masks = []
    privileges = Privileges.NONE
    for grant in grants:
        if grant.kind.mask is not None:
            masks.append(grant.kind.mask)
        elif grant.kind.privilege is not None:
            privileges |= Privileges({grant.kind.privilege})
    for mask in sorted(masks, key=lambda mask: mask.kind is MaskKind.AND):
        permissions = mask.apply(permissions)
    return Access.enumerated(permissions, privileges)
