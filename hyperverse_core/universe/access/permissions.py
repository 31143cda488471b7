"""Permissions, masks and privileges: docs/reference/access.md#permissions, #masks, #privileges."""

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
    """Six permissions, written ``csd-rwx``, with the granted ones in upper case.

    ``c s d`` are about the children of a particle: create, select, delete. ``r w x`` are about the particle itself:
    read, write, execute.

    Attributes:
        bits: the granted permissions as a number. ``c`` is the lowest bit, ``x`` the sixth.
    """

    bits: int

    NONE: ClassVar[Permissions]
    FULL: ClassVar[Permissions]

    @classmethod
    def parse(cls, text: str) -> Permissions:
        """Reads ``text``, all six letters in order, as permissions. Raises ParseError."""
        permissions, end = scan_permissions(text, 0)
        if end < len(text):
            fail(text, end, "the end of the permissions")
        return permissions

    @classmethod
    def parse_particle(cls, text: str) -> Permissions:
        """Reads ``text``, the three letters ``rwx``, as permissions on a particle itself. Raises ParseError."""
        found = _PARTICLE_FORM.fullmatch(text)
        if found is None:
            fail(text, 0, "permissions such as RwX", hint="three letters in this order: r w x")
        return cls(_bits(found) << 3)

    @classmethod
    def of(cls, letters: str) -> Permissions:
        """Returns the permissions in ``letters``, any of ``c s d r w x``. Raises ParseError for another letter."""
        return cls(sum({letter: _bit(letter) for letter in letters}.values()))

    def has(self, letter: str) -> bool:
        """Whether the permission ``letter``, one of ``c s d r w x``, is granted. Raises ParseError for another."""
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
    """Reads the permissions at ``pos``; returns them and the offset after them. Raises ParseError."""
    found = _FORM.match(text, pos)
    if found is None:
        fail(text, pos, "permissions such as csd-RwX", hint="six letters in this order: c s d - r w x")
    return Permissions(_bits(found)), found.end()


class MaskKind(enum.Enum):
    """How a mask changes permissions."""

    OR = "+"
    """The mask adds its permissions."""
    AND = "&"
    """The mask takes away all other permissions."""


@attrs.frozen
class PermissionsMask:
    """A change of permissions: ``+csd-RwX`` adds the permissions r and x, ``&csd-RwX`` leaves those two at most.

    Attributes:
        kind: whether it adds or restricts.
        permissions: the permissions that it adds, or that it leaves.

    Example:
        >>> str(PermissionsMask.parse("+csd-Rwx").apply(Permissions.parse("csd-rWx")))
        'csd-RWx'
        >>> str(PermissionsMask.parse("&csd-Rwx").apply(Permissions.FULL))
        'csd-Rwx'
    """

    kind: MaskKind
    permissions: Permissions

    @classmethod
    def parse(cls, text: str) -> PermissionsMask:
        """Reads ``text`` as a mask. Raises ParseError."""
        mask, end = scan_permissions_mask(text, 0)
        if end < len(text):
            fail(text, end, "the end of the mask")
        return mask

    def apply(self, permissions: Permissions) -> Permissions:
        """Returns ``permissions``, changed by this mask."""
        return permissions | self.permissions if self.kind is MaskKind.OR else permissions & self.permissions

    def __str__(self) -> str:
        return f"{self.kind.value}{self.permissions}"


def scan_permissions_mask(text: str, pos: int) -> tuple[PermissionsMask, int]:
    """Reads the mask at ``pos``; returns it and the offset after it. Raises ParseError."""
    if text[pos : pos + 1] not in ("+", "&"):
        fail(text, pos, "'+'", "'&'", hint="+csd-RwX adds permissions, &csd-RwX restricts to them")
    permissions, end = scan_permissions(text, pos + 1)
    return PermissionsMask(MaskKind(text[pos]), permissions), end


def check_privilege_name(name: str) -> str:
    """Returns ``name`` if it is the name of a privilege or ``*``. Raises ParseError otherwise."""
    found, end = scan_privilege(name, 0)
    if end < len(name):
        fail(name, end, "the end of the privilege's name")
    return found


def scan_privilege(text: str, pos: int) -> tuple[str, int]:
    """Reads the name of a privilege, or ``*``, at ``pos``; returns it and the offset after it. Raises ParseError."""
    found = _PRIVILEGE.match(text, pos)
    if found is None:
        fail(text, pos, "a privilege such as property:email:read", "'*'")
    return found.group(), found.end()


def _checked(names: Iterable[str]) -> frozenset[str]:
    checked = frozenset(check_privilege_name(name) for name in names)
    return frozenset({"*"}) if "*" in checked else checked


@attrs.frozen
class Privileges:
    """A set of privileges, written ``a, b:c``, or ``*`` for all.

    Attributes:
        names: the names of the privileges, or ``*`` alone.

    Raises:
        ParseError: a name contains other characters than ``a-z 0-9 - :``.
    """

    names: frozenset[str] = attrs.field(default=frozenset(), converter=_checked)

    FULL: ClassVar[Privileges]
    NONE: ClassVar[Privileges]

    @classmethod
    def parse(cls, text: str) -> Privileges:
        """Reads ``text``, names separated by commas, as a set. An empty text is the empty set. Raises ParseError."""
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
        """Whether the set contains every privilege."""
        return "*" in self.names

    def has(self, name: str) -> bool:
        """Whether the set contains the privilege ``name``."""
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
