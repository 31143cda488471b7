"""How a selector is matched.

Hops are matched left to right, every segment has to be taken, ``**`` takes one segment or more, and a path
that ends at an inclusive hop matches although hops remain (universe 3.3).

Most selectors have at most one ``**``. Then every hop has a fixed place, counted from the front or from the
back, so that one regular expression over the point's text settles the texts and a look at those places
settles Kinds and versions. All others are run as a set of states kept in the bits of one number: no
backtracking, and the time is the number of segments times the number of hops at worst.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import attrs

from .kind_selector import KindSelector
from .specific import ANY
from .version import VersionReq

if TYPE_CHECKING:
    from .kind import Kind
    from .point import Point
    from .selector import Hop

__all__ = ["Matcher", "compile_matcher"]

Matcher: TypeAlias = "Callable[[Point, Sequence[Kind]], bool]"
_Hops: TypeAlias = "tuple[Hop, ...]"

_MANY_HOPS = 32
_MANY_WAYS = 4
_MANY_KINDS = 256

# A whole segment with what separates it from the one before; possessive, so that it is never cut in two.
_FIRST = r"(?!ROOT\Z)[^:/]++"
_NEXT = r"(?>:(?:/|[^:/]++)|[^:/]++/?+)"
_DIR = r"[^:/]++/"


def compile_matcher(hops: _Hops, *, root: bool) -> Matcher:
    """The function that tells whether a point with Kinds matches ``hops``; ``root`` is the answer for
    ROOT."""
    ways = [hops[: i + 1] for i, hop in enumerate(hops[:-1]) if hop.inclusive]
    ways.append(hops)
    if not hops or len(hops) > _MANY_HOPS or len(ways) > _MANY_WAYS:
        return _States(hops, root).matches
    places = [_places(way) for way in ways]
    checks = [place for place in places if place is not None]
    if len(checks) < len(ways):
        return _States(hops, root).matches
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
    """A segment, counted from the front or the back, whose Kind or version is asked for."""

    at: int
    kinds: KindSelector
    version: VersionReq | None

    @property
    def base_only(self) -> bool:
        return self.version is None and self.kinds.base != ANY and self.kinds == KindSelector(self.kinds.base)


def _places(way: _Hops) -> list[_Place] | None:
    """Where Kinds and versions are to be asked for; None when some place is not fixed."""
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
    """The everyday filter, ``x:**<User>``, without a loop."""
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


def _pattern(way: _Hops) -> str:
    """The texts of ``way`` as a regular expression. What stands between two ``**`` is taken where it comes
    first
    and never given back: a later place could not help the rest."""
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


class _States:
    """Runs the hops as an automaton. Bit ``i + 1`` stands for hop ``i``, bit 0 for the start."""

    def __init__(self, hops: _Hops, root: bool) -> None:
        self._root = root
        self._accepting = self._stars = self._any = self._dirs = 0
        self._exact: dict[str, int] = {}
        self._versions: list[tuple[int, VersionReq]] = []
        self._kinds: dict[KindSelector, int] = {}
        self._by_kind: dict[str, int] = {}
        for i, hop in enumerate(hops):
            self._add(hop, 1 << (i + 1))
        self._accepting |= 1 << len(hops)
        self._exact = {text: bits | self._any for text, bits in self._exact.items()}

    def _add(self, hop: Hop, bit: int) -> None:
        if hop.inclusive:
            self._accepting |= bit
        if hop.is_recursive:
            self._stars |= bit
        if hop.is_exact:
            self._exact[hop.text] = self._exact.get(hop.text, 0) | bit
        elif hop.version is not None:
            self._versions.append((bit, hop.version))
        elif hop.is_dir:
            self._dirs |= bit
        else:
            self._any |= bit
        self._kinds[hop.kinds] = self._kinds.get(hop.kinds, 0) | bit

    def matches(self, point: Point, kinds: Sequence[Kind]) -> bool:
        """Whether the automaton ends in an accepting state."""
        if point.is_root:
            return self._root
        # `done`: hops that are complete; `within`: `**` hops that have taken some segment, of whatever Kind.
        done, within = 1, 0
        texts, by_kind, any_text = self._exact, self._by_kind, self._any
        special = bool(self._dirs or self._versions)
        for segment, kind in zip(point.segments, kinds, strict=True):
            fits = texts.get(segment.text, any_text)
            if special:
                fits |= self._special(segment.text)
            reached = ((done << 1) | within) & fits
            if not reached:
                return False
            within = reached & self._stars
            admitted = by_kind.get(kind.text)
            done = reached & (self._admitted(kind) if admitted is None else admitted)
        return bool(done & self._accepting)

    def _special(self, text: str) -> int:
        mask = self._dirs if text.endswith("/") and text != "/" else 0
        for bit, requirement in self._versions:
            if requirement.matches_text(text):
                mask |= bit
        return mask

    def _admitted(self, kind: Kind) -> int:
        mask = 0
        for selector, bits in self._kinds.items():
            if selector.matches(kind):
                mask |= bits
        if len(self._by_kind) < _MANY_KINDS:
            self._by_kind[kind.text] = mask
        return mask
