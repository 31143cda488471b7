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

import re
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

from ...errors import ParseError
from .path_cost import Items, admits, check_cost, sre

__all__ = ["ANY_PATH", "PathRegex"]

_LONGEST_EXPRESSION: Final = 2_048
_LONGEST_PATH: Final = 2_048
_NOTHING: Final[Mapping[str, str]] = {}


@attrs.frozen
class PathRegex:
    """An expression that a path must match from its start; it need not match to the end.

    Attributes:
        text: as written.
        prefix: characters that every path it matches starts with.
        starts: what segments of every path it matches start with, as (number, characters). The first segment,
            behind the leading ``/``, has number 1.
        longest: length above which a path is not tried and does not match; 0 means any length.
    """

    text: str
    prefix: str = attrs.field(eq=False, repr=False)
    starts: tuple[tuple[int, str], ...] = attrs.field(eq=False, repr=False)
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
            tree = sre.parse(text)
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
    """What the segments start with, as long as it is plain where each of them starts."""
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
    """The parts in order, those of groups among them; groups with flags of their own stay whole."""
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
"""Every path: what a selector without a path expression takes."""
