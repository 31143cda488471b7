"""Selectors that no regular expression can match, run as an automaton. docs/reference/selectors.md#what-matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..kinds.kind_selector import KindSelector
from ..text.version import VersionReq

if TYPE_CHECKING:
    from ..address.point import Point
    from ..kinds.kind import Kind
    from .hop import Hop

__all__ = ["States"]

_MANY_KINDS: Final = 256


class States:
    """Matches hops as an automaton that is in several states at once, kept as the bits of one number.

    Bit ``i + 1`` stands for hop ``i``, and bit 0 for the start. For each segment, one shift and a few masks move all
    states: this replaces trying each way to spread the segments over the hops.

    Args:
        hops: the hops of the selector.
        root: whether ROOT matches.
    """

    def __init__(self, hops: tuple[Hop, ...], root: bool) -> None:
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
        """Whether the automaton accepts ``point``, whose segments have ``kinds``."""
        if point.is_root:
            return self._root
        # `done`: hops that are complete. `within`: `**` hops that have taken a segment, of whatever Kind.
        done, within = 1, 0
        text_of, admitted, any_text, stars = self._exact.get, self._by_kind.get, self._any, self._stars
        special = bool(self._dirs or self._versions)
        for segment, kind in zip(point.segments, kinds, strict=True):
            fits = text_of(segment.text, any_text)
            if special:
                fits |= self._special(segment.text)
            reached = ((done << 1) | within) & fits
            if not reached:
                return False
            within = reached & stars
            admits = admitted(kind.text)
            done = reached & (self._admitted(kind) if admits is None else admits)
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
