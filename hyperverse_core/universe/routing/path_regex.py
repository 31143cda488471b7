"""Regular expressions over the path of a request: docs/reference/binds.md#path-expressions.

One agent writes a bind, and another agent chooses the path of a wave. So an expression that is expensive for some path
is refused when it is parsed, by simple rules that bound the time of a match:

- A repeated part has one width and no alternatives: ``(?:ab)*`` and ``[^/]+`` are allowed, ``(?:a+)*`` and
  ``(?:a|ab)*`` are not. So there is one way to match each number of repeats.
- Optional parts and alternatives can be combined in at most 1,000 ways.
- At most two repeats may overlap with what follows them, as ``.*`` does before ``/`` and ``[^/]+`` does not. An
  expression with two does not match paths longer than 2,048 characters.
- There are no back references and no conditions.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

from ...errors import ParseError
from . import regex_tree as sre
from .path_cost import admits, check_cost
from .regex_tree import Items

__all__ = ["ANY_PATH", "PathRegex"]

_LONGEST_EXPRESSION: Final = 2_048
_LONGEST_PATH: Final = 2_048
_NOTHING: Final[Mapping[str, str]] = {}


@attrs.frozen
class PathRegex:
    """An expression that matches a path from its start, not necessarily to its end.

    Attributes:
        text: the expression as written.
        prefix: characters with which every path that it matches starts.
        starts: characters with which segments of every such path start, as pairs of the number of the segment and the
            characters. The first segment, after the leading ``/``, has the number 1.
        longest: the length of the longest path that it matches; 0 for any length.
    """

    text: str
    prefix: str = attrs.field(eq=False, repr=False)
    starts: tuple[tuple[int, str], ...] = attrs.field(eq=False, repr=False)
    longest: int = attrs.field(eq=False, repr=False)
    _pattern: re.Pattern[str] = attrs.field(eq=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> PathRegex:
        """Reads ``text`` as a path expression. Raises ParseError if it is wrong, or is expensive for some path."""
        return _parse(text)

    @property
    def is_any(self) -> bool:
        """Whether it matches every path and captures nothing."""
        return self.text == ".*"

    def captures(self, path: str) -> Mapping[str, str] | None:
        """Returns what the named groups capture from ``path``; None if it does not match."""
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
            warnings.simplefilter("ignore")  # about spellings whose meaning may change in a later Python
            pattern = re.compile(text)
            tree = sre.parse_tree(text)
    except re.error as exc:
        raise ParseError(f"bad path expression: {exc.msg}", text=text, offset=exc.pos or 0) from None
    except (RecursionError, OverflowError) as exc:
        raise ParseError(f"bad path expression: {exc}", text=text, hint="make it simpler") from None
    degree = check_cost(text, tree)
    prefix, starts = ("", ()) if pattern.flags & re.IGNORECASE else (_prefix(tree), tuple(_starts(tree)))
    return PathRegex(text, prefix, starts, _LONGEST_PATH if degree > 1 else 0, pattern)


def _prefix(tree: Items) -> str:
    prefix: list[str] = []
    for op, value in tree:
        if op is sre.LITERAL:
            prefix.append(chr(value))
        elif op is not sre.AT or value is not sre.AT_BEGINNING:
            break
    return "".join(prefix)


def _starts(tree: Items) -> Iterator[tuple[int, str]]:
    """Yields numbers of segments and the characters that they start with, while their places are certain."""
    segment, start, literal = 0, "", True
    for op, value in _flat(tree):
        if op is sre.LITERAL and value == ord("/"):
            if segment and start:
                yield segment, start
            segment, start, literal = segment + 1, "", True
        elif op is sre.LITERAL and literal:
            start += chr(value)
        elif _stays_in_segment(op, value):
            literal = False
        else:
            break
    if segment and start:
        yield segment, start


def _flat(tree: Items) -> Iterator[tuple[Any, Any]]:
    """Yields the parts in order, each group replaced by its parts. Groups with flags stay whole."""
    for op, value in tree:
        if op is sre.SUBPATTERN and not value[1] and not value[2]:
            yield from _flat(value[3])
        elif op is not sre.AT or value is not sre.AT_BEGINNING:
            yield op, value


def _stays_in_segment(op: Any, value: Any) -> bool:
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return all(_stays_in_segment(*item) for item in _flat(value[2]))
    return op in (sre.LITERAL, sre.NOT_LITERAL, sre.IN) and not admits((op, value), "/")


ANY_PATH: Final = PathRegex.parse(".*")
"""The expression that matches every path."""
