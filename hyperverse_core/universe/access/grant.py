"""Grants: what a grantor gives to agents on particles. docs/reference/access.md#grants."""

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
    """The word that a grant starts with."""

    SUPER = "super"
    """The grant gives everything, and the right to grant ``super`` to others."""
    PRIVILEGE = "priv"
    """The grant gives a privilege."""
    PERMISSIONS = "perm"
    """The grant changes permissions."""


@attrs.frozen
class GrantKind:
    """What a grant gives: ``super``, ``priv NAME`` or ``perm MASK``.

    Attributes:
        word: which of the three.
        privilege: the name of the privilege, or ``*``, for ``priv``; None for others.
        mask: the mask, for ``perm``; None for others.

    Raises:
        BadRequest: a part is missing, or does not belong to the word.
        ParseError: the name is not that of a privilege.
    """

    word: GrantWord
    privilege: str | None = None
    mask: PermissionsMask | None = None

    def __attrs_post_init__(self) -> None:
        wanted = (self.word is GrantWord.PRIVILEGE, self.word is GrantWord.PERMISSIONS)
        if (self.privilege is not None, self.mask is not None) != wanted:
            raise BadRequest(
                f"a {self.word.value} grant cannot have the privilege {self.privilege!r} and the mask {self.mask!r}",
                hint="super has neither, priv has a privilege, perm has a mask",
            )
        if self.privilege is not None:
            check_privilege_name(self.privilege)

    @classmethod
    def super(cls) -> GrantKind:
        """Returns the kind of a grant of everything."""
        return cls(GrantWord.SUPER)

    @classmethod
    def priv(cls, name: str) -> GrantKind:
        """Returns the kind of a grant of the privilege ``name``, ``*`` for all. Raises ParseError."""
        return cls(GrantWord.PRIVILEGE, privilege=name)

    @classmethod
    def perm(cls, mask: PermissionsMask) -> GrantKind:
        """Returns the kind of a grant that changes permissions by ``mask``."""
        return cls(GrantWord.PERMISSIONS, mask=mask)

    @classmethod
    def parse(cls, text: str) -> GrantKind:
        """Reads ``text``, such as ``perm +csd-RwX``, as the kind of a grant. Raises ParseError."""
        kind, end = scan_grant_kind(text, 0)
        if end < len(text):
            fail(text, end, "the end of the grant's kind")
        return kind

    @property
    def data(self) -> str:
        """The text after the word: the privilege, the mask, or nothing."""
        return self.privilege or ("" if self.mask is None else str(self.mask))

    def __str__(self) -> str:
        return f"{self.word.value} {self.data}".rstrip()


def scan_grant_kind(text: str, pos: int) -> tuple[GrantKind, int]:
    """Reads the kind of a grant at ``pos``; returns it and the offset after it. Raises ParseError."""
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
    """A grant, written ``perm +csd-RwX on SELECTOR to SELECTOR by POINT``.

    It is effective on a particle only while the grantor has full access to that particle.

    Attributes:
        kind: what it gives.
        on: the particles on which it is given.
        to: the agents to whom it is given.
        by: the grantor.
        id: its number in the registry; 0 before it has one. The text does not contain it.
    """

    kind: GrantKind
    on: Selector
    to: Selector
    by: Point
    id: int = 0

    @classmethod
    def parse(cls, text: str) -> AccessGrant:
        """Reads ``text`` as a grant. Raises ParseError."""
        grant, end = scan_access_grant(text, 0)
        if end < len(text):
            fail(text, end, "the end of the grant")
        return grant

    @property
    def query_root(self) -> Point:
        """The deepest point that is, or is above, every particle on which it is given."""
        return self.on.query_root

    def __str__(self) -> str:
        return f"{self.kind} on {self.on} to {self.to} by {self.by}"


def scan_access_grant(text: str, pos: int) -> tuple[AccessGrant, int]:
    """Reads the grant at ``pos``; returns it and the offset after it. Raises ParseError."""
    kind, at = scan_grant_kind(text, pos)
    on, at = scan_selector(text, _word(text, at, "on"), routes=True)
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
