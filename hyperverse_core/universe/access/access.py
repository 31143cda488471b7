"""Access: what an agent may do on a particle, and how that is worked out (universe 7.3, 7.5).

The rules are pure. Whoever applies them hands in an `AccessView`, which says who owns what, what Kinds
particles have and which grants there are. `explain` gives the answer with its reasons, `evaluate` the answer
alone.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Protocol

import attrs

from ...errors import Forbidden
from ..address.point import HYPERUSER, Point
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
    """The four shapes of access."""

    SUPER = "Super"
    OWNER = "Owner"
    SUPER_OWNER = "SuperOwner"
    ENUMERATED = "Enumerated"


@attrs.frozen
class Access:
    """What an agent may do on a particle.

    Attributes:
        kind: Super, Owner and SuperOwner may do everything; Enumerated what is listed.
        listed: the permissions of an Enumerated one.
        privileges: its privileges.
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
        """Access to what is listed."""
        return cls(AccessKind.ENUMERATED, permissions, privileges)

    @property
    def has_super(self) -> bool:
        """Whether the agent may do everything, chown included, and hand that on."""
        return self.kind in (AccessKind.SUPER, AccessKind.SUPER_OWNER)

    @property
    def has_owner(self) -> bool:
        """Whether the agent has the rights of the owner."""
        return self.kind in (AccessKind.OWNER, AccessKind.SUPER_OWNER)

    @property
    def has_full(self) -> bool:
        """Whether nothing is withheld; only such an agent's grants count."""
        return self.kind is not AccessKind.ENUMERATED

    def permissions(self) -> Permissions:
        """The permissions that it comes to."""
        return Permissions.FULL if self.has_full else self.listed

    def has_privilege(self, name: str) -> bool:
        """Whether the privilege ``name`` is held."""
        return self.has_full or self.privileges.has(name)

    def check_privilege(self, name: str) -> None:
        """Raises Forbidden unless the privilege ``name`` is held."""
        if not self.has_privilege(name):
            raise Forbidden(f"the privilege {name!r} is needed", hint=f"grant priv {name} on ... to ...")

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
    """What the rules ask. Every answer must belong to one moment."""

    def owner(self, point: Point) -> Point | None:
        """The owner of ``point``; None when it is not registered."""

    def kinds(self, point: Point) -> Sequence[Kind]:
        """The Kind of each segment of ``point``, root first; empty when it is not registered."""

    def grants(self, root: Point) -> Iterable[AccessGrant]:
        """The grants whose query root is ``root``."""

    def is_user(self, point: Point) -> bool:
        """Whether ``point`` is somebody: a particle of Kind User, or the hyperuser."""


@attrs.frozen
class Verdict:
    """What became of a grant that fits agent and target: whether it counts, and why."""

    grant: AccessGrant
    counts: bool
    reason: str


@attrs.frozen
class AccessExplanation:
    """An answer with its reasons.

    Attributes:
        agent, target: who is asked about, on what.
        access: the answer.
        rule: the rule that decided, as a sentence.
        owner: the owner of the target, None when there is none.
        verdicts: every grant that was looked at, in the order of the walk.
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
    """What ``agent`` may do on ``target`` (universe 7.5).

    Args:
        agent: who wants something.
        target: on what.
        view: owners, Kinds and grants.
        same_owner: whether a particle that is not a User has the owner's access on particles of the same
            owner, when that owner is a User or the hyperuser.
    """
    return explain(agent, target, view, same_owner=same_owner).access


def explain(agent: Point, target: Point, view: AccessView, *, same_owner: bool = True) -> AccessExplanation:
    """As `evaluate`, with the rule and the grants that decided."""
    return _Target(target, view, same_owner).explain(agent)


def grant_roots(target: Point) -> Iterator[Point]:
    """The query roots under which grants on ``target`` can stand, nearest first: itself and what is above
    it."""
    yield target
    yield from target.ancestors()


class _Target:
    """One particle and the grants on it.

    Whether a grantor has full access rests on ownership and on chains of ``super`` grants only, never on
    masks. So the grantors with ``super`` are found first, beginning at the hyperuser and following the
    grants; a circle of grants that nobody with ``super`` has begun is never entered, and no order of asking
    changes the answer.
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
            return Access.OWNER, f"both belong to {self._owner}"
        access = _enumerate(counting)
        return access, "the grants that count" if counting else "nothing is granted"

    def _verdict(self, grant: AccessGrant) -> Verdict:
        if grant.kind.word is GrantWord.SUPER:
            counts = grant.by in self._supers
            return Verdict(grant, counts, f"{grant.by} has {'' if counts else 'no '}super access there")
        counts = self._is_full(grant.by)
        return Verdict(grant, counts, f"{grant.by} has {'' if counts else 'no '}full access there")

    def _is_full(self, agent: Point) -> bool:
        return agent in self._supers or self._owner == agent or self._shares_owner(agent)

    def _shares_owner(self, agent: Point) -> bool:
        owner = self._owner
        if not self._same_owner or owner is None or self._view.owner(agent) != owner:
            return False
        return not self._view.is_user(agent) and (owner == HYPERUSER or self._view.is_user(owner))

    def _find_supers(self) -> set[Point]:
        """The grantors that have super access: those whom the grants of others with super reach."""
        supers = {HYPERUSER}
        waiting = {grant.by for grant in self._grants} - supers
        open_grants = [grant for grant in self._grants if grant.kind.word is GrantWord.SUPER]
        while live := [grant for grant in open_grants if grant.by in supers]:
            open_grants = [grant for grant in open_grants if grant.by not in supers]
            reached = {agent for agent in waiting if any(self._fits(grant.to, agent) for grant in live)}
            supers |= reached
            waiting -= reached
        return supers

    def _fits(self, selector: Selector, point: Point) -> bool:
        """Whether a grant's selector names ``point``. Grants are about the present cosmos: the same path
        under another route is somebody else."""
        if not point.route.is_local:
            return False
        kinds = self._view.kinds(point)
        return len(kinds) == len(point.segments) and selector.matches(point, kinds)


def _enumerate(grants: Iterable[AccessGrant]) -> Access:
    """All that is added, then all that is restricted: a restriction anywhere beats what is added anywhere."""
    masks = []
    privileges = Privileges.NONE
    for grant in grants:
        if grant.kind.mask is not None:
            masks.append(grant.kind.mask)
        elif grant.kind.privilege is not None:
            privileges |= Privileges({grant.kind.privilege})
    permissions = Permissions.NONE
    for mask in sorted(masks, key=lambda mask: mask.kind is MaskKind.AND):
        permissions = mask.apply(permissions)
    return Access.enumerated(permissions, privileges)
