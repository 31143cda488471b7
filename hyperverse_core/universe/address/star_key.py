"""Star keys: the names of stars. docs/reference/points.md#star-keys."""

from __future__ import annotations

import re
from functools import lru_cache

import attrs

from ...errors import ParseError
from ..text.lexis import fail

__all__ = ["StarKey"]

_NAME = re.compile(r"[a-z][a-z0-9]*+")
_NAME_OF_STAR = re.compile(r"[a-z][a-z0-9]*+(?:-[a-z0-9]++)*+")
"""May have hyphens: the star that stands for a machine has the name of the machine."""
_INDEX = re.compile(r"[0-9]++")
_LAST_INDEX = 65_535


def _check_name(_: object, field: attrs.Attribute[str], value: str) -> None:
    hyphens = field.name == "name"
    if (_NAME_OF_STAR if hyphens else _NAME).fullmatch(value) is None:
        raise ParseError(
            f"a star's {field.name} cannot be {value!r}",
            text=value,
            expected=(f"lower-case letters and digits{', with hyphens between' if hyphens else ''}, a letter first",),
        )


def _check_index(_: object, __: object, value: int) -> None:
    if not 0 <= value <= _LAST_INDEX:
        raise ParseError(f"a star's index cannot be {value!r}", text=str(value), expected=(f"0 to {_LAST_INDEX}",))


@attrs.frozen(order=True)
class StarKey:
    """The name of a star, written ``STAR::constellation:name[index]``. `Point.of_star` returns the star's address.

    Attributes:
        constellation: lower-case letters and digits, starting with a letter.
        name: lower-case letters and digits, starting with a letter; hyphens may stand between them.
        index: from 0 to 65535.

    Raises:
        ParseError: a name has other characters, or the index is out of range.
    """

    constellation: str = attrs.field(validator=_check_name)
    name: str = attrs.field(validator=_check_name)
    index: int = attrs.field(default=0, validator=_check_index)
    _text: str = attrs.field(init=False, eq=False, order=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_text", f"STAR::{self.constellation}:{self.name}[{self.index}]")

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def parse(cls, text: str) -> StarKey:
        """Reads ``text`` as a star key, such as ``STAR::central:fold[0]``. Raises ParseError."""
        return _parse(text) if len(text) <= 256 else _parse.__wrapped__(text)

    def __str__(self) -> str:
        return self._text


@lru_cache(maxsize=1024)
def _parse(text: str) -> StarKey:
    constellation, at = _scan_name(text, _expect(text, 0, "STAR::"))
    name, at = _scan_name(text, _expect(text, at, ":"), _NAME_OF_STAR)
    at = _expect(text, at, "[")
    digits = _INDEX.match(text, at)
    if digits is None:
        fail(text, at, "a number")
    index = digits.group()
    if len(index) > 5 or int(index) > _LAST_INDEX or (len(index) > 1 and index[0] == "0"):
        fail(text, at, f"a number of at most {_LAST_INDEX}, without leading zeros")
    end = _expect(text, digits.end(), "]")
    if end < len(text):
        fail(text, end, "the end of the star key")
    return StarKey(constellation, name, int(index))


def _expect(text: str, at: int, token: str) -> int:
    if not text.startswith(token, at):
        if at == 0:
            fail(text, at, "a star such as STAR::central:fold[0]", hint="`hyperverse stars` lists the stars")
        fail(text, at, repr(token))
    return at + len(token)


def _scan_name(text: str, at: int, name: re.Pattern[str] = _NAME) -> tuple[str, int]:
    found = name.match(text, at)
    if found is None:
        fail(text, at, "a name of lower-case letters and digits")
    return found.group(), found.end()
