"""What the value of a property has to look like (universe 8)."""

from __future__ import annotations

import enum
import re

from ...errors import ParseError
from ..address.point import Point
from ..text import lexis

__all__ = ["PropertyPattern", "is_bind_text"]

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?+"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]++@{_LABEL}(?:\.{_LABEL})*+")
_DIGITS = re.compile(r"[0-9]++")
_U64 = 2**64


def is_bind_text(value: str) -> bool:
    """Whether ``value`` is meant to be a bind itself, and not the point that has one: no point starts like this."""
    return value.lstrip().startswith(("Bind", "#"))


class PropertyPattern(enum.StrEnum):
    """What a property's value has to look like."""

    ANYTHING = "Anything"
    POINT = "Point"
    """An absolute point."""
    BIND = "Bind"
    """The text of a bind, ``Bind(version=1.0.0) { ... }``, or the absolute point of a particle that has one."""
    U64 = "U64"
    """A number from 0 to 18446744073709551615."""
    BOOL = "Bool"
    """``true`` or ``false``."""
    USERNAME = "Username"
    """A skewer-case name."""
    EMAIL = "Email"

    def fits(self, value: str) -> bool:
        """Whether ``value`` looks like that."""
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

    def parse_error(self, value: str) -> ParseError | None:
        """What is wrong with ``value`` where the pattern stands for a text of the language; None if it fits."""
        try:
            if self is PropertyPattern.BIND and is_bind_text(value):
                from ..routing.bind import BindConfig  # few processes check a bind, and it takes some loading

                BindConfig.parse(value)
            elif self in (PropertyPattern.POINT, PropertyPattern.BIND):
                Point.parse(value)
        except ParseError as error:
            return error
        return None

    @property
    def meant(self) -> str:
        """What a value has to be, for a message."""
        return "a point, or Bind(version=1.0.0) { ... }" if self is PropertyPattern.BIND else self.value
