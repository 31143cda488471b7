"""Regular expressions over the path of a request, which no path can make expensive.

Binds come from whoever may publish one, and paths from whoever may send a wave, so an expression whose cost a
path can blow up is refused when it is parsed. The rules are simple to follow, and what passes is bounded:

- What is repeated has one width and no alternatives: ``(?:ab)*`` and ``[^/]+`` pass, ``(?:a+)*`` and
  ``(?:a|ab)*`` do not. So a repeat can be matched in one way only for each number of rounds.
- Optional parts and alternatives may be combined in at most 1,000 ways.
- At most two repeats may overlap with what follows them, as ``.*`` does before a ``/`` and ``[^/]+`` does
  not. An expression with two is not tried on paths longer than 2,048 characters.
- No back references and no conditions.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import attrs

from ..errors import ParseError

__all__ = ["ANY_PATH", "PathRegex"]

_LONGEST_EXPRESSION: Final = 2_048
_LONGEST_PATH: Final = 2_048
_MOST_WAYS: Final = 1_000
_MOST_OVERLAPS: Final = 2
_NOTHING: Final[Mapping[str, str]] = {}

_Items: TypeAlias = Sequence[tuple[Any, Any]]
"""A parsed expression: pairs of an operation and its argument."""

# The standard library's parser of expressions has no public name since `sre_parse` was deprecated in 3.11.
_sre: Final[Any] = importlib.import_module("re._parser")


@attrs.frozen
class PathRegex:
    """An expression that a path must match from its start; it need not match to the end.

    Attributes:
        text: as written.
        prefix: characters that every path it matches starts with.
        longest: length above which a path is not tried and does not match; 0 means any length.
    """

    text: str
    prefix: str = attrs.field(eq=False, repr=False)
    longest: int = attrs.field(eq=False, repr=False)
    _pattern: re.Pattern[str] = attrs.field(eq=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> PathRegex:
        """The expression that ``text`` writes. Raises ParseError when it is none, or none that is safe."""
        return _parse(text)

    @property
    def is_any(self) -> bool:
        """Whether it matches each path and captures nothing."""
        return self.text == ".*"

    def captures(self, path: str) -> Mapping[str, str] | None:
        """What the named groups matched in ``path``, or None when it does not match."""
        if self.longest and len(path) > self.longest:
            return None
        found = self._pattern.match(path)
        if found is None:
            return None
        if not self._pattern.groupindex:
            return _NOTHING
        return {name: value for name, value in found.groupdict().items() if value is not None}

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=4096)
def _parse(text: str) -> PathRegex:
    if len(text) > _LONGEST_EXPRESSION:
        raise ParseError(
            f"a path expression of {len(text)} characters is too long",
            text=text,
            offset=_LONGEST_EXPRESSION,
            hint=f"the longest has {_LONGEST_EXPRESSION} characters",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about spellings whose meaning may change: not the sender's concern
            pattern = re.compile(text)
            tree = _sre.parse(text)
    except re.error as exc:
        raise ParseError(f"bad path expression: {exc.msg}", text=text, offset=exc.pos or 0) from None
    except (RecursionError, OverflowError) as exc:
        raise ParseError(f"bad path expression: {exc}", text=text, hint="make it simpler") from None
    cost = _Cost(text)
    cost.walk(tree, tail=True)
    return PathRegex(text, _prefix(tree, pattern), _LONGEST_PATH if cost.degree > 1 else 0, pattern)


def _prefix(tree: _Items, pattern: re.Pattern[str]) -> str:
    if pattern.flags & re.IGNORECASE:
        return ""
    prefix: list[str] = []
    for op, value in tree:
        if op is _sre.LITERAL:
            prefix.append(chr(value))
        elif op is not _sre.AT or value is not _sre.AT_BEGINNING:
            break
    return "".join(prefix)


class _Cost:
    """Walks a parsed expression and refuses what a path could make expensive."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ways = 1
        self._overlaps = 0
        self._later = False  # whether a repeat comes after an overlapping one: it is tried again for each choice

    @property
    def degree(self) -> int:
        """The power of the path's length that the time of a match may grow with."""
        return self._overlaps + (1 if self._later else 0)

    def walk(self, items: _Items, *, after: _Items = (), tail: bool) -> None:
        """Count what ``items`` may cost.

        Args:
            items: the parts, in order.
            after: what follows them; only its first part is looked at.
            tail: whether nothing behind them can fail.
        """
        for at, (op, value) in enumerate(items):
            rest = items[at + 1 : at + 2] or after
            last = tail and not rest
            if op in (_sre.MAX_REPEAT, _sre.MIN_REPEAT, _sre.POSSESSIVE_REPEAT):
                self._repeat(op, value, rest, tail=last)
            elif op is _sre.SUBPATTERN:
                self.walk(value[3], after=rest, tail=last)
            elif op is _sre.ATOMIC_GROUP:
                self.walk(value, after=rest, tail=last)
            elif op is _sre.BRANCH:
                self._choose(len(value[1]))
                for branch in value[1]:
                    self.walk(branch, after=rest, tail=last)
            elif op in (_sre.ASSERT, _sre.ASSERT_NOT):
                self.walk(value[1], tail=False)
            elif op in (_sre.GROUPREF, _sre.GROUPREF_EXISTS):
                self._refuse("refers back to a group", "write the part out")

    def _repeat(self, op: Any, value: Any, rest: _Items, *, tail: bool) -> None:
        low, high, body = value
        if high <= 1:
            self._choose(2)
            self.walk(body, after=rest, tail=tail)
            return
        if body.getwidth()[0] == 0 or not _has_one_form(body):
            self._refuse(
                "repeats a part that can match in several ways",
                "repeat single characters, as [^/]+ does, or a part of fixed width without alternatives",
            )
        if low == high:
            return
        if self._overlaps:
            self._later = self._later or not tail
        if tail or op is _sre.POSSESSIVE_REPEAT or _is_fenced(body, rest):
            return
        self._overlaps += 1
        if self._overlaps > _MOST_OVERLAPS:
            self._refuse(f"has more than {_MOST_OVERLAPS} repeats that overlap with what follows", "write [^/]+ for .*")

    def _choose(self, ways: int) -> None:
        self._ways *= max(ways, 1)
        if self._ways > _MOST_WAYS:
            self._refuse(f"can match in more than {_MOST_WAYS} ways", "use fewer optional parts and alternatives")

    def _refuse(self, why: str, hint: str) -> None:
        raise ParseError(f"path expression {self._text!r} {why}", text=self._text, hint=hint)


def _has_one_form(items: _Items) -> bool:
    """Whether ``items`` match a text in at most one way, and always the same number of characters."""
    for op, value in items:
        if op is _sre.SUBPATTERN:
            if not _has_one_form(value[3]):
                return False
        elif op in (_sre.MAX_REPEAT, _sre.MIN_REPEAT, _sre.POSSESSIVE_REPEAT):
            if value[0] != value[1] or not _has_one_form(value[2]):
                return False
        elif op not in (_sre.LITERAL, _sre.NOT_LITERAL, _sre.IN, _sre.ANY, _sre.CATEGORY):
            return False
    return True


def _is_fenced(body: _Items, rest: _Items) -> bool:
    """Whether the repeat of ``body`` ends where it first has to: what follows is none of its characters."""
    if len(body) != 1 or not rest:
        return False
    op, value = rest[0]
    if op is _sre.SUBPATTERN:
        return len(value[3]) > 0 and _is_fenced(body, value[3])
    if op is _sre.AT:
        return value in (_sre.AT_END, _sre.AT_END_STRING)
    return op is _sre.LITERAL and not any(_admits(body[0], c) for c in _cases(chr(value)))


def _cases(char: str) -> set[str]:
    return {char, char.lower(), char.upper()}


def _admits(item: tuple[Any, Any], char: str) -> bool:
    """Whether the one-character ``item`` may match ``char``; True when that is not plain to see."""
    op, value = item
    if op is _sre.LITERAL:
        return chr(value) in _cases(char)
    if op is _sre.NOT_LITERAL:
        return char != chr(value)
    if op is not _sre.IN:
        return True
    negated = bool(value) and value[0][0] is _sre.NEGATE
    members = value[1:] if negated else value
    listed = [_member_admits(member, char) for member in members]
    if negated:
        # Only a character that is plainly listed is plainly shut out.
        return not any(known is True for known in listed)
    return any(known is not False for known in listed)


def _member_admits(member: tuple[Any, Any], char: str) -> bool | None:
    op, value = member
    if op is _sre.LITERAL:
        return chr(value) == char
    if op is _sre.RANGE:
        return bool(value[0] <= ord(char) <= value[1])
    if op is _sre.CATEGORY and char.isascii():
        known = _CATEGORIES.get(str(value))
        return None if known is None else known(char)
    return None


_CATEGORIES: Final[Mapping[str, Callable[[str], bool]]] = {
    "CATEGORY_DIGIT": str.isdigit,
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_WORD": lambda char: char.isalnum() or char == "_",
    "CATEGORY_NOT_DIGIT": lambda char: not char.isdigit(),
    "CATEGORY_NOT_SPACE": lambda char: not char.isspace(),
    "CATEGORY_NOT_WORD": lambda char: not (char.isalnum() or char == "_"),
}

ANY_PATH: Final = PathRegex.parse(".*")
"""Every path: what a selector without a path expression takes."""
