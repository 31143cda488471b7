"""What matching a path expression may cost: the part of :mod:`path_regex` that refuses.

It walks the expression as Python has parsed it. The parser has no public name since ``sre_parse`` was deprecated in
Python 3.11, so this module and its neighbour are the only ones that know it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ...errors import ParseError

__all__ = ["Items", "admits", "check_cost", "sre"]

_MOST_WAYS: Final = 1_000
_MOST_OVERLAPS: Final = 2

Items: TypeAlias = Sequence[tuple[Any, Any]]
"""A parsed expression: pairs of an operation and its argument."""

sre: Final[Any] = importlib.import_module("re._parser")
"""The standard library's parser of expressions."""


def check_cost(text: str, tree: Items) -> int:
    """The power of a path's length that the time of a match may grow with.

    Args:
        text: the expression.
        tree: the same, parsed.

    Raises:
        ParseError: it is more than 2, or cannot be told.
    """
    cost = _Cost(text)
    cost.walk(tree, tail=True)
    return cost.degree


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

    def walk(self, items: Items, *, after: Items = (), tail: bool) -> None:
        """Count what ``items`` may cost.

        Args:
            items: the parts, in order.
            after: what follows them; only its first part is looked at.
            tail: whether nothing behind them can fail.
        """
        for at, (op, value) in enumerate(items):
            rest = items[at + 1 : at + 2] or after
            last = tail and not rest
            if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
                self._repeat(op, value, rest, tail=last)
            elif op is sre.SUBPATTERN:
                self.walk(value[3], after=rest, tail=last)
            elif op is sre.ATOMIC_GROUP:
                self.walk(value, after=rest, tail=last)
            elif op is sre.BRANCH:
                self._choose(len(value[1]))
                for branch in value[1]:
                    self.walk(branch, after=rest, tail=last)
            elif op in (sre.ASSERT, sre.ASSERT_NOT):
                self.walk(value[1], tail=False)
            elif op in (sre.GROUPREF, sre.GROUPREF_EXISTS):
                self._refuse("refers back to a group", "write the part out")

    def _repeat(self, op: Any, value: Any, rest: Items, *, tail: bool) -> None:
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
        if tail or op is sre.POSSESSIVE_REPEAT or _is_fenced(body, rest):
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


def _has_one_form(items: Items) -> bool:
    """Whether ``items`` match a text in at most one way, and always the same number of characters."""
    for op, value in items:
        if op is sre.SUBPATTERN:
            if not _has_one_form(value[3]):
                return False
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            if value[0] != value[1] or not _has_one_form(value[2]):
                return False
        elif op not in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY, sre.CATEGORY):
            return False
    return True


def _is_fenced(body: Items, rest: Items) -> bool:
    """Whether the repeat of ``body`` ends where it first has to: what follows is none of its characters."""
    if len(body) != 1 or not rest:
        return False
    op, value = rest[0]
    if op is sre.SUBPATTERN:
        return len(value[3]) > 0 and _is_fenced(body, value[3])
    if op is sre.AT:
        return value in (sre.AT_END, sre.AT_END_STRING)
    return op is sre.LITERAL and not any(admits(body[0], c) for c in _cases(chr(value)))


def _cases(char: str) -> set[str]:
    return {char, char.lower(), char.upper()}


def admits(item: tuple[Any, Any], char: str) -> bool:
    """Whether the one-character ``item`` may match ``char``; True when that is not plain to see."""
    op, value = item
    if op is sre.LITERAL:
        return chr(value) in _cases(char)
    if op is sre.NOT_LITERAL:
        return char != chr(value)
    if op is not sre.IN:
        return True
    negated = bool(value) and value[0][0] is sre.NEGATE
    members = value[1:] if negated else value
    listed = [_member_admits(member, char) for member in members]
    if negated:
        # Only a character that is plainly listed is plainly shut out.
        return not any(known is True for known in listed)
    return any(known is not False for known in listed)


def _member_admits(member: tuple[Any, Any], char: str) -> bool | None:
    op, value = member
    if op is sre.LITERAL:
        return chr(value) == char
    if op is sre.RANGE:
        return bool(value[0] <= ord(char) <= value[1])
    if op is sre.CATEGORY and char.isascii():
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
