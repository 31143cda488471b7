"""Patterns of the values of properties: docs/reference/kinds.md#properties."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Final

from ...errors import ParseError
from ..address.point import Point
from ..text import lexis
from .property_rules import PropertyScalar

__all__ = ["PropertyPattern", "is_bind_text"]

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?+"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]++@{_LABEL}(?:\.{_LABEL})*+")
_DIGITS = re.compile(r"[0-9]++")
_U64 = 2**64


def is_bind_text(value: str) -> bool:
    """Whether ``value`` is the text of a bind, not the point of a particle that has one. No point starts like a
    bind."""
    return value.lstrip().startswith(("Bind", "#"))


class PropertyPattern(enum.StrEnum):
    """The pattern of a property, which determines its allowed values."""

    ANYTHING = "Anything"
    """Any text."""
    POINT = "Point"
    """An absolute point."""
    BIND = "Bind"
    """The text of a bind, ``Bind(version=1.0.0) { ... }``, or the absolute point of a particle that has one."""
    U64 = "U64"
    """A whole number from 0 to 18446744073709551615."""
    BOOL = "Bool"
    """``true`` or ``false``."""
    USERNAME = "Username"
    """A lower-case letter, then letters, digits and ``-``."""
    EMAIL = "Email"
    """An email address."""

    def fits(self, value: str) -> bool:
        """Whether a property with this pattern may have the value ``value``."""
        match self:
            case PropertyPattern.POINT | PropertyPattern.BIND:
                return self.parse_error(value) is None
            case PropertyPattern.U64:
                digits = value.lstrip("0") or "0"
                return _DIGITS.fullmatch(value) is not None and len(digits) <= 20 and int(digits) < _U64
            case PropertyPattern.BOOL:
                return value in ("true", "false")
            case PropertyPattern.USERNAME:
                return lexis.SKEWER.fullmatch(value) is not None
            case PropertyPattern.EMAIL:
                return len(value) <= 254 and _EMAIL.fullmatch(value) is not None
        return True

    def read(self, value: str) -> PropertyScalar:
        """Returns the value that ``value``, a text which fits, stands for: an ``int`` for U64, a ``bool`` for Bool,
        else the text."""
        if self is PropertyPattern.U64:
            return int(value)
        return value == "true" if self is PropertyPattern.BOOL else value

    @property
    def sample(self) -> str:
        """A value that fits, as text; for tests that create particles."""
        return _SAMPLES.get(self, "something")

    def parse_error(self, value: str) -> ParseError | None:
        """Returns the error of parsing ``value`` as a point or a bind; None if it fits, and for other patterns."""
        try:
            if self is PropertyPattern.BIND and is_bind_text(value):
                from ..routing.bind import BindConfig  # loading it takes time, and few processes check a bind

                BindConfig.parse(value)
            elif self in (PropertyPattern.POINT, PropertyPattern.BIND):
                Point.parse(value)
        except ParseError as error:
            return error
        return None

    @property
    def meant(self) -> str:
        """What the value must be, for a message."""
        return _MEANT[self]


_MEANT: Final[Mapping[PropertyPattern, str]] = {
    PropertyPattern.ANYTHING: "any text",
    PropertyPattern.POINT: "an absolute point such as localhost:app",
    PropertyPattern.BIND: "a point, or Bind(version=1.0.0) { ... }",
    PropertyPattern.U64: f"a whole number from 0 to {_U64 - 1}",
    PropertyPattern.BOOL: "true or false",
    PropertyPattern.USERNAME: "a name such as scott-1: a lower-case letter, then letters, digits and '-'",
    PropertyPattern.EMAIL: "an email address",
}

_SAMPLES: Final[Mapping[PropertyPattern, str]] = {
    PropertyPattern.POINT: "localhost",
    PropertyPattern.BIND: "Bind(version=1.0.0) { Route<*<*>> -> (()) => &; }",
    PropertyPattern.U64: "1",
    PropertyPattern.BOOL: "true",
    PropertyPattern.USERNAME: "somebody",
    PropertyPattern.EMAIL: "somebody@example.org",
}
