"""Refuses path expressions that are expensive for some path: docs/reference/binds.md#path-expressions.

It walks the tree of an expression and bounds the number of ways in which the expression can match a path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ...errors import ParseError
from . import regex_tree as sre
from .regex_tree import Items

__all__ = ["admits", "check_cost"]

_MOST_WAYS: Final = 1_000
_MOST_OVERLAPS: Final = 2
_SIMPLE: Final = (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY, sre.CATEGORY, sre.AT, sre.FAILURE)


def check_cost(text: str, tree: Items) -> int:
    """Returns the power of the path's length with which the time of a match may grow, at most 2.

    Args:
        text: the expression.
        tree: the tree of the expression.

    Raises:
        ParseError: the power is greater than 2, or unknown.
    """
    cost = _Cost(text)
    cost.walk(tree, tail=True)
    return cost.degree


class _Cost:
    """Walks the tree of an expression, and refuses parts that are expensive for some path."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ways = 1
        self._overlaps = 0
        self._later = False  # whether a repeat follows an overlapping one, and is tried again for each of its choices

    @property
    def degree(self) -> int:
        """The power of the path's length with which the time of a match may grow."""
        return self._overlaps + (1 if self._later else 0)

    def walk(self, items: Items, *, after: Items = (), tail: bool) -> None:
        """Adds the cost of ``items``.

        Args:
            items: the parts of an expression, in order.
            after: what follows them. Only its first part matters.
            tail: whether nothing after them can fail, so that the first choice is the last.
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
                self._refuse("refers back to a group", "repeat the part instead of the reference")
            elif op not in _SIMPLE:  # a later Python may have operations whose cost is unknown
                self._refuse(f"has a part that is not allowed: {str(op).lower()}", "write it with simpler parts")

    def _repeat(self, op: Any, value: Any, rest: Items, *, tail: bool) -> None:
        low, high, body = value
        if high <= 1:
            self._choose(2)
            self.walk(body, after=rest, tail=tail)
            return
        if sre.least_width(body) == 0 or not _has_one_form(body):
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
    """Whether ``items`` match each text in at most one way, and always with the same number of characters."""
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
    """Whether a repeat of ``body`` has one possible end, because the next part cannot start with one of its
    characters."""
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
    """Whether ``item``, which matches one character, may match ``char``. True if that is not certain."""
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
        # Only a character that is certainly in the list is certainly excluded.
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
