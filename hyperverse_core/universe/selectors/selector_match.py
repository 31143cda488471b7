"""Compiles the hops of a selector into a function. The rules: docs/reference/selectors.md#what-matches.

There are three sorts of functions, because a registry matches selectors with every particle that it examines:

- Most selectors have at most one ``**``. Then the place of every hop is fixed, counted from the front or from the back.
  One regular expression over the point's text checks the texts, and a check of fixed places the Kinds and versions. It
  replaces a loop over hops and segments.
- If Kinds are asked for between two ``**``, a loop searches for their first place from left to right.
- All other selectors run as an automaton (`States`). It never backtracks, so its time is at most the number of segments
  times the number of hops.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import attrs

from ..kinds.kind_selector import KindSelector
from ..kinds.specific import ANY
from ..text.version import VersionReq
from .selector_states import States

if TYPE_CHECKING:
    from ..address.point import Point
    from ..kinds.kind import Kind
    from .hop import Hop

__all__ = ["Matcher", "compile_matcher"]

Matcher: TypeAlias = "Callable[[Point, Sequence[Kind]], bool]"
_Hops: TypeAlias = "tuple[Hop, ...]"

_MANY_HOPS = 32
_MANY_WAYS = 4

# A whole segment with the separator in front of it; possessive, so that no segment is cut in two.
_FIRST = r"(?!ROOT\Z)[^:/]++"
_NEXT = r"(?>:(?:/|[^:/]++)|[^:/]++/?+)"
_DIR = r"[^:/]++/"


def compile_matcher(hops: _Hops, *, root: bool) -> Matcher:
    """Returns the function that decides whether a point with Kinds matches.

    Args:
        hops: the hops of the selector.
        root: whether ROOT matches.
    """
    ways = [hops[: i + 1] for i, hop in enumerate(hops[:-1]) if hop.inclusive]
    ways.append(hops)
    if not hops or len(hops) > _MANY_HOPS or len(ways) > _MANY_WAYS:
        return States(hops, root).matches
    places = [_places(way) for way in ways]
    checks = [place for place in places if place is not None]
    if len(checks) < len(ways):
        floating = None if root or len(ways) > 1 else _floating(hops)
        return States(hops, root).matches if floating is None else floating
    patterns = [_pattern(way) for way in ways]
    if root:
        patterns.append("ROOT")
        checks.append([])
    if not any(checks):
        return _by_text("|".join(f"(?:{pattern})" for pattern in patterns))
    if len(checks) == 1 and len(checks[0]) == 1 and checks[0][0].base_only:
        return _by_text_and_base(patterns[0], checks[0][0])
    return _by_text_and_places(list(zip(patterns, checks, strict=True)))


@attrs.frozen
class _Place:
    """A segment whose Kind or version has to match.

    Attributes:
        at: index of the segment, from the back if it is negative.
        kinds: the Kinds that it may have.
        version: the requirement that it satisfies, or None.
    """

    at: int
    kinds: KindSelector
    version: VersionReq | None

    @property
    def base_only(self) -> bool:
        return self.version is None and self.kinds.base != ANY and self.kinds == KindSelector(self.kinds.base)


def _places(way: _Hops) -> list[_Place] | None:
    """Returns the segments whose Kinds or versions have to match; None if the place of one is not fixed."""
    stars = [i for i, hop in enumerate(way) if hop.is_recursive]
    found: list[_Place] = []
    for i, hop in enumerate(way):
        if hop.kinds.is_any and hop.version is None:
            continue
        if not stars or i < stars[0]:
            found.append(_Place(i, hop.kinds, hop.version))
        elif i >= stars[-1]:
            found.append(_Place(i - len(way), hop.kinds, hop.version))
        else:
            return None
    return found


def _by_text(pattern: str) -> Matcher:
    whole = re.compile(pattern).fullmatch

    def matches(point: Point, kinds: Sequence[Kind]) -> bool:
        return whole(point.text, point.body_start) is not None

    return matches


def _by_text_and_base(pattern: str, place: _Place) -> Matcher:
    """Matches a selector that asks for one base, ``x:**<User>``: the usual case, without a loop."""
    whole = re.compile(pattern).fullmatch
    at, base = place.at, place.kinds.base

    def matches(point: Point, kinds: Sequence[Kind]) -> bool:
        return whole(point.text, point.body_start) is not None and kinds[at].base == base

    return matches


def _by_text_and_places(ways: list[tuple[str, list[_Place]]]) -> Matcher:
    compiled = [
        (
            re.compile(pattern).fullmatch,
            [(place.at, place.kinds.base) for place in places if place.kinds.base != ANY],
            [place for place in places if not place.base_only],
        )
        for pattern, places in ways
    ]

    def matches(point: Point, kinds: Sequence[Kind]) -> bool:
        for whole, bases, rest in compiled:
            if whole(point.text, point.body_start) is None:
                continue
            for at, base in bases:
                if kinds[at].base != base:
                    break
            else:
                if not rest or _rest_fits(rest, point, kinds):
                    return True
        return False

    return matches


def _rest_fits(places: list[_Place], point: Point, kinds: Sequence[Kind]) -> bool:
    for place in places:
        if place.version is not None and not place.version.matches_text(point.segments[place.at].text):
            return False
        if not place.kinds.matches(kinds[place.at]):
            return False
    return True


def _floating(hops: _Hops) -> Matcher | None:
    """Returns the function for two ``**`` with hops between them that ask for Kinds; None for other hops."""
    stars = [i for i, hop in enumerate(hops) if hop.is_recursive]
    if len(stars) != 2 or any(hop.in_filesystem or hop.version is not None for hop in hops):
        return None
    first, last = stars
    # `**<Kind>` asks for the Kind of the segment before the next hop, so that segment is part of the block.
    begin = first if not hops[first].kinds.is_any else first + 1
    asks = [(i, hop.kinds) for i, hop in enumerate(hops) if not hop.kinds.is_any]
    texts = [(i, hop.text) for i, hop in enumerate(hops) if hop.is_exact]
    return _by_block(
        [_Place(i if i < first else i - len(hops), kinds, None) for i, kinds in asks if not begin <= i < last],
        [(i if i < first else i - len(hops), text) for i, text in texts if not begin <= i < last],
        [(i - begin, kinds) for i, kinds in asks if begin <= i < last],
        [(i - begin, text) for i, text in texts if begin <= i < last],
        (begin, last - begin, len(hops) - last),
    )


def _by_block(
    fixed: list[_Place],
    fixed_texts: list[tuple[int, str]],
    asks: list[tuple[int, KindSelector]],
    texts: list[tuple[int, str]],
    block: tuple[int, int, int],
) -> Matcher:
    """Returns a function that searches for the first place where a block of hops matches.

    The first place is enough, because the ``**`` on each side of the block matches all that remains.

    Args:
        fixed, fixed_texts: Kinds and texts that are asked for outside of the block.
        asks, texts: Kinds and texts that the block asks for, by their index in the block. There is at least one Kind.
        block: the first index at which the block may start, its length, and the number of segments after it.
    """
    bases = [(place.at, place.kinds.base) for place in fixed if place.base_only]
    rest = [place for place in fixed if not place.base_only]
    (at, asked), *more = asks
    earliest, length, behind = block
    start, stop, least = earliest + at, at + 1 - length - behind, earliest + length + behind
    base = asked.base if _Place(at, asked, None).base_only else ""

    def matches(point: Point, kinds: Sequence[Kind]) -> bool:
        if len(kinds) < least:
            return False
        for place, name in bases:
            if kinds[place].base != name:
                return False
        segments = point.segments
        for place, text in fixed_texts:
            if segments[place].text != text:
                return False
        if rest and not _rest_fits(rest, point, kinds):
            return False
        begin = earliest
        for kind in kinds[start:stop]:
            if kind.base == base or (not base and asked.matches(kind)):
                for place, text in texts:
                    if segments[begin + place].text != text:
                        break
                else:
                    if not more or all(wanted.matches(kinds[begin + place]) for place, wanted in more):
                        return True
            begin += 1
        return False

    return matches


def _pattern(way: _Hops) -> str:
    """Returns a regular expression for the texts of ``way``.

    Hops between two ``**`` are an atomic group: they match at their first place, and a later place is never tried,
    because it would leave less for the rest.
    """
    blocks: list[str] = []
    block = ""
    for i, hop in enumerate(way):
        if not hop.is_recursive:
            block += _one(hop, first=i == 0)
            continue
        blocks.append(block)
        block = _repeated(hop, first=i == 0, last=i == len(way) - 1)
    head, *middle = [*blocks, block]
    if not middle:
        return head
    return head + "".join(f"(?>{part})" for part in middle[:-1]) + middle[-1]


def _repeated(hop: Hop, *, first: bool, last: bool) -> str:
    if hop.is_dir:
        return f"(?:{_DIR})++" if last else f"(?:{_DIR})+?"
    if last:
        # The rest of a point's text, from a boundary on, is whole segments.
        return r"(?!ROOT\Z).++" if first else ".++"
    return f"{_FIRST}(?:{_NEXT})*?" if first else f"(?:{_NEXT})+?"


def _one(hop: Hop, *, first: bool) -> str:
    if hop.is_fs_root:
        return ":/"
    if hop.is_exact:
        text = re.escape(hop.text)
        if first:
            return rf"{text}(?=:|\Z)"
        return text if hop.is_dir else rf"(?::|(?<=/)){text}(?=:|\Z)"
    if hop.is_dir:
        return _DIR
    return _FIRST if first else _NEXT
