"""Scopes: limits on what may be done on behalf of the sender of a wave. docs/reference/access.md#scopes."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import ClassVar

import attrs

from ...errors import BadRequest
from ..address.point import Point
from ..kinds.kind import Kind
from ..selectors.selector import Selector, scan_selector
from ..text.lexis import fail
from .access import Access
from .grant import GrantKind, GrantWord, scan_grant_kind
from .permissions import MaskKind, Permissions, Privileges

__all__ = ["Scope", "ScopeGrant", "ScopeKind"]


class ScopeKind(enum.Enum):
    """The three sorts of scopes."""

    FULL = "Full"
    """No limit."""
    NONE = "None"
    """Nothing is allowed."""
    GRANTS = "Grants"
    """Only what is listed is allowed."""


@attrs.frozen
class ScopeGrant:
    """Something that a scope allows, written ``perm +csd-RwX on SELECTOR``.

    Attributes:
        on: the particles on which it is allowed.
        kind: the permissions or the privilege.

    Raises:
        BadRequest: the kind is ``super``. A scope limits access and gives none.
    """

    on: Selector
    kind: GrantKind = attrs.field()

    @kind.validator
    def _check_kind(self, _: object, value: GrantKind) -> None:
        if value.word is GrantWord.SUPER:
            raise BadRequest("a scope cannot contain 'super'", hint="the scope without limits is Full")

    def __str__(self) -> str:
        return f"{self.kind} on {self.on}"


@attrs.frozen
class Scope:
    """A limit on access, written ``Full``, ``None`` or ``{perm +csd-RwX on SELECTOR, priv NAME on SELECTOR}``.

    ``one & other`` allows what both allow, ``one | other`` what one of them allows.

    Attributes:
        kind: the sort of scope.
        grants: what is allowed, for a scope of grants; empty for others.

    Example:
        >>> scope = Scope.parse("{perm +csd-Rwx on localhost:app}")
        >>> str(scope.bound(Access.OWNER, Point.parse("localhost:app"), [Kind("Space"), Kind("App")]))
        'csd-Rwx'
    """

    kind: ScopeKind
    grants: frozenset[ScopeGrant] = frozenset()

    FULL: ClassVar[Scope]
    NONE: ClassVar[Scope]

    @classmethod
    def of(cls, grants: Iterable[ScopeGrant]) -> Scope:
        """Returns the scope that allows ``grants`` only."""
        return cls(ScopeKind.GRANTS, frozenset(grants))

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Reads ``text`` as a scope. Raises ParseError."""
        if text in ("Full", "None"):
            return cls.FULL if text == "Full" else cls.NONE
        if not text.startswith("{"):
            fail(text, 0, "'Full'", "'None'", "'{'")
        grants: list[ScopeGrant] = []
        at = 1
        while not (not grants and text.startswith("}", at)):
            grant, at = _scan_scope_grant(text, at)
            grants.append(grant)
            if not text.startswith(", ", at):
                break
            at += 2
        if text[at:] != "}":
            fail(text, at, "', '", "'}'")
        return cls.of(grants)

    def __and__(self, other: Scope) -> Scope:
        if ScopeKind.NONE in (self.kind, other.kind):
            return Scope.NONE
        if self.kind is ScopeKind.FULL:
            return other
        return self if other.kind is ScopeKind.FULL else Scope.of(self.grants & other.grants)

    def __or__(self, other: Scope) -> Scope:
        if ScopeKind.FULL in (self.kind, other.kind):
            return Scope.FULL
        if self.kind is ScopeKind.NONE:
            return other
        return self if other.kind is ScopeKind.NONE else Scope.of(self.grants | other.grants)

    def bound(self, access: Access, point: Point, kinds: Sequence[Kind]) -> Access:
        """Returns the part of ``access`` that the scope allows on ``point``.

        Args:
            access: what the agent may do without the scope.
            point: the particle.
            kinds: the Kind of each segment of ``point``, outermost first.
        """
        if self.kind is ScopeKind.FULL:
            return access
        permissions, privileges = Permissions.NONE, Privileges.NONE
        restricted = Permissions.FULL
        for grant in self.grants:
            if grant.on.route != point.route or not grant.on.matches(point, kinds):
                continue
            if grant.kind.privilege is not None:
                privileges |= Privileges({grant.kind.privilege})
            elif grant.kind.mask is not None and grant.kind.mask.kind is MaskKind.OR:
                permissions |= grant.kind.mask.permissions
            elif grant.kind.mask is not None:
                restricted &= grant.kind.mask.permissions
        held = Privileges.FULL if access.has_full else access.privileges
        return Access.enumerated(permissions & restricted & access.permissions(), privileges & held)

    def __str__(self) -> str:
        if self.kind is not ScopeKind.GRANTS:
            return str(self.kind.value)
        return f"{{{', '.join(sorted(map(str, self.grants)))}}}"


Scope.FULL = Scope(ScopeKind.FULL)
Scope.NONE = Scope(ScopeKind.NONE)


def _scan_scope_grant(text: str, at: int) -> tuple[ScopeGrant, int]:
    start = at
    kind, at = scan_grant_kind(text, at)
    if kind.word is GrantWord.SUPER:
        fail(text, start, "'perm'", "'priv'", hint="the scope without limits is Full")
    if not text.startswith(" on ", at):
        fail(text, at, "' on '")
    on, at = scan_selector(text, at + 4, routes=True)
    return ScopeGrant(on, kind), at
