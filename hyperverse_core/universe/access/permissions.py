"""Permissions, masks and privileges: what a grant gives (universe 7.1, 7.2)."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import ClassVar

import attrs

from ...errors import ParseError
from ..text.lexis import fail

__all__ = [
    "MaskKind",
    "Permissions",
    "PermissionsMask",
    "Privileges",
    "check_privilege_name",
    "scan_permissions",
    "scan_permissions_mask",
    "scan_privilege",
]

_LETTERS = "csdrwx"
_FORM = re.compile(r"([Cc])([Ss])([Dd])-([Rr])([Ww])([Xx])")
_PARTICLE_FORM = re.compile(r"([Rr])([Ww])([Xx])")
_COMMA = re.compile(r", *+")
_PRIVILEGE = re.compile(r"[a-z0-9:-]++|\*")


@attrs.frozen
class Permissions:
    """Six permissions, written ``csd-rwx`` with the granted ones in upper case.

    On its children: create, select, delete. On the particle itself: read, write, execute.

    Attributes:
        bits: ``c`` is the lowest bit, ``x`` the sixth.
    """

    bits: int

    NONE: ClassVar[Permissions]
    FULL: ClassVar[Permissions]

    @classmethod
    def parse(cls, text: str) -> Permissions:
        """The permissions that ``text`` writes, all six letters in order; raises ParseError."""
        permissions, end = scan_permissions(text, 0)
        if end < len(text):
            fail(text, end, "the end of the permissions")
        return permissions

    @classmethod
    def parse_particle(cls, text: str) -> Permissions:
        """The permissions of a particle alone, written ``rwx``; raises ParseError."""
        found = _PARTICLE_FORM.fullmatch(text)
        if found is None:
            fail(text, 0, "permissions such as RwX", hint="three letters in this order: r w x")
        return cls(_bits(found) << 3)

    @classmethod
    def of(cls, letters: str) -> Permissions:
        """The permissions named by ``letters``, any of ``c s d r w x``; raises ParseError."""
        return cls(sum({letter: _bit(letter) for letter in letters}.values()))

    def has(self, letter: str) -> bool:
        """Whether the permission ``letter``, one of ``c s d r w x``, is granted; raises ParseError for
        another."""
        return bool(self.bits & _bit(letter))

    def __or__(self, other: Permissions) -> Permissions:
        return Permissions(self.bits | other.bits)

    def __and__(self, other: Permissions) -> Permissions:
        return Permissions(self.bits & other.bits)

    def __str__(self) -> str:
        said = "".join(letter.upper() if self.bits >> i & 1 else letter for i, letter in enumerate(_LETTERS))
        return f"{said[:3]}-{said[3:]}"


Permissions.NONE = Permissions(0)
Permissions.FULL = Permissions(0b111111)


def _bit(letter: str) -> int:
    at = _LETTERS.find(letter) if len(letter) == 1 else -1
    if at < 0:
        raise ParseError(f"no permission {letter!r}", text=letter, expected=tuple(_LETTERS))
    return 1 << at


def _bits(found: re.Match[str]) -> int:
    return sum(1 << i for i, letter in enumerate(found.groups()) if letter.isupper())


def scan_permissions(text: str, pos: int) -> tuple[Permissions, int]:
    """The permissions at ``pos`` and the offset behind them; raises ParseError."""
    found = _FORM.match(text, pos)
    if found is None:
        fail(text, pos, "permissions such as csd-RwX", hint="six letters in this order: c s d - r w x")
    return Permissions(_bits(found)), found.end()


class MaskKind(enum.Enum):
    """How a mask changes permissions."""

    OR = "+"
    """It adds those that it grants."""
    AND = "&"
    """It leaves only those that it grants."""


@attrs.frozen
class PermissionsMask:
    """A change of permissions: ``+csd-RwX`` adds, ``&csd-RwX`` restricts."""

    kind: MaskKind
    permissions: Permissions

    @classmethod
    def parse(cls, text: str) -> PermissionsMask:
        """The mask that ``text`` writes; raises ParseError."""
        mask, end = scan_permissions_mask(text, 0)
        if end < len(text):
            fail(text, end, "the end of the mask")
        return mask

    def apply(self, permissions: Permissions) -> Permissions:
        """``permissions`` as this mask changes them."""
        return permissions | self.permissions if self.kind is MaskKind.OR else permissions & self.permissions

    def __str__(self) -> str:
        return f"{self.kind.value}{self.permissions}"


def scan_permissions_mask(text: str, pos: int) -> tuple[PermissionsMask, int]:
    """The mask at ``pos`` and the offset behind it; raises ParseError."""
    if text[pos : pos + 1] not in ("+", "&"):
        fail(text, pos, "'+'", "'&'", hint="+csd-RwX adds permissions, &csd-RwX restricts to them")
    permissions, end = scan_permissions(text, pos + 1)
    return PermissionsMask(MaskKind(text[pos]), permissions), end


def check_privilege_name(name: str) -> str:
    """``name``, if it is the name of a privilege or ``*``; raises ParseError."""
    found, end = scan_privilege(name, 0)
    if end < len(name):
        fail(name, end, "the end of the privilege's name")
    return found


def scan_privilege(text: str, pos: int) -> tuple[str, int]:
    """The name of a privilege, or ``*``, at ``pos`` and the offset behind it; raises ParseError."""
    found = _PRIVILEGE.match(text, pos)
    if found is None:
        fail(text, pos, "a privilege such as property:email:read", "'*'")
    return found.group(), found.end()


def _checked(names: Iterable[str]) -> frozenset[str]:
    checked = frozenset(check_privilege_name(name) for name in names)
    return frozenset({"*"}) if "*" in checked else checked


@attrs.frozen
class Privileges:
    """A set of privileges by exact name; one that holds ``*`` holds all. Written ``a, b:c`` or ``*``.

    Raises:
        ParseError: a name has other characters than ``a-z 0-9 - :``.
    """

    names: frozenset[str] = attrs.field(default=frozenset(), converter=_checked)

    FULL: ClassVar[Privileges]
    NONE: ClassVar[Privileges]

    @classmethod
    def parse(cls, text: str) -> Privileges:
        """The set that ``text`` writes, names separated by commas; empty for none; raises ParseError."""
        names: list[str] = []
        at = 0
        while text:
            name, at = scan_privilege(text, at)
            names.append(name)
            separator = _COMMA.match(text, at)
            if separator is None:
                break
            at = separator.end()
        if at < len(text):
            fail(text, at, "','", "the end of the privileges")
        return cls(names)

    @property
    def is_full(self) -> bool:
        """Whether it holds every privilege."""
        return "*" in self.names

    def has(self, name: str) -> bool:
        """Whether it holds the privilege ``name``."""
        return self.is_full or name in self.names

    def __or__(self, other: Privileges) -> Privileges:
        return Privileges.FULL if self.is_full or other.is_full else Privileges(self.names | other.names)

    def __and__(self, other: Privileges) -> Privileges:
        if self.is_full:
            return other
        return self if other.is_full else Privileges(self.names & other.names)

    def __str__(self) -> str:
        return "*" if self.is_full else ", ".join(sorted(self.names))


Privileges.FULL = Privileges({"*"})
Privileges.NONE = Privileges()
