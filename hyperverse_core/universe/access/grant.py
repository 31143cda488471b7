"""Grants: who gave what, on which particles, to whom (universe 7.4)."""

from __future__ import annotations

import enum
import re

import attrs

from ...errors import BadRequest
from ..address.point import Point, scan_point
from ..selectors.selector import Selector, scan_selector
from ..text.lexis import fail
from .permissions import PermissionsMask, check_privilege_name, scan_permissions_mask, scan_privilege

__all__ = ["AccessGrant", "GrantKind", "GrantWord", "scan_access_grant", "scan_grant_kind"]

_WORD = re.compile(r"super|perm|priv")
_BLANKS = re.compile(r"[ \t]++")


class GrantWord(enum.StrEnum):
    """What a grant is about."""

    SUPER = "super"
    """Everything, and the right to hand it on."""
    PRIVILEGE = "priv"
    PERMISSIONS = "perm"


@attrs.frozen
class GrantKind:
    """What a grant gives: ``super``, ``priv NAME`` or ``perm MASK``.

    Attributes:
        word: which of the three.
        privilege: the privilege's name or ``*``, for ``priv`` only.
        mask: the mask, for ``perm`` only.
    """

    word: GrantWord
    privilege: str | None = None
    mask: PermissionsMask | None = None

    def __attrs_post_init__(self) -> None:
        wanted = (self.word is GrantWord.PRIVILEGE, self.word is GrantWord.PERMISSIONS)
        if (self.privilege is not None, self.mask is not None) != wanted:
            raise BadRequest(f"a {self.word.value} grant cannot have these parts: {self.privilege!r}, {self.mask!r}")
        if self.privilege is not None:
            check_privilege_name(self.privilege)

    @classmethod
    def super(cls) -> GrantKind:
        """Everything."""
        return cls(GrantWord.SUPER)

    @classmethod
    def priv(cls, name: str) -> GrantKind:
        """The privilege ``name``; ``*`` for all; raises ParseError."""
        return cls(GrantWord.PRIVILEGE, privilege=name)

    @classmethod
    def perm(cls, mask: PermissionsMask) -> GrantKind:
        """The change of permissions ``mask``."""
        return cls(GrantWord.PERMISSIONS, mask=mask)

    @classmethod
    def parse(cls, text: str) -> GrantKind:
        """What ``text`` gives; raises ParseError."""
        kind, end = scan_grant_kind(text, 0)
        if end < len(text):
            fail(text, end, "the end of the grant's kind")
        return kind

    @property
    def data(self) -> str:
        """What stands behind the word: the privilege, the mask, or nothing."""
        return self.privilege or ("" if self.mask is None else str(self.mask))

    def __str__(self) -> str:
        return f"{self.word.value} {self.data}".rstrip()


def scan_grant_kind(text: str, pos: int) -> tuple[GrantKind, int]:
    """What is given at ``pos`` and the offset behind it; raises ParseError."""
    word = _WORD.match(text, pos)
    if word is None:
        fail(text, pos, "'super'", "'perm'", "'priv'")
    if word.group() == "super":
        return GrantKind.super(), word.end()
    at = _blanks(text, word.end())
    if word.group() == "perm":
        mask, end = scan_permissions_mask(text, at)
        return GrantKind.perm(mask), end
    name, end = scan_privilege(text, at)
    return GrantKind.priv(name), end


@attrs.frozen
class AccessGrant:
    """A grant. It counts as long as its grantor has full access on the particle (universe 7.5).

    Written ``perm +csd-RwX on SELECTOR to SELECTOR by POINT``; the id is not part of the text.

    Attributes:
        kind: what it gives.
        on: on which particles.
        to: to whom.
        by: the grantor.
        id: its number in the registry, 0 before it has one.
    """

    kind: GrantKind
    on: Selector
    to: Selector
    by: Point
    id: int = 0

    @classmethod
    def parse(cls, text: str) -> AccessGrant:
        """The grant that ``text`` writes; raises ParseError."""
        grant, end = scan_access_grant(text, 0)
        if end < len(text):
            fail(text, end, "the end of the grant")
        return grant

    @property
    def query_root(self) -> Point:
        """The point at or below which everything lies that it is given on."""
        return self.on.query_root

    def __str__(self) -> str:
        return f"{self.kind} on {self.on} to {self.to} by {self.by}"


def scan_access_grant(text: str, pos: int) -> tuple[AccessGrant, int]:
    """The grant at ``pos`` and the offset behind it; raises ParseError."""
    kind, at = scan_grant_kind(text, pos)
    on, at = scan_selector(text, _word(text, at, "on"))
    to, at = scan_selector(text, _word(text, at, "to"))
    by, at = scan_point(text, _word(text, at, "by"))
    return AccessGrant(kind, on, to, by), at


def _word(text: str, at: int, word: str) -> int:
    at = _blanks(text, at)
    if not text.startswith(word, at):
        fail(text, at, repr(word))
    return _blanks(text, at + len(word))


def _blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    if found is None:
        fail(text, at, "a blank")
    return found.end()
