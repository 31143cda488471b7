"""Kind selectors: patterns of Kinds. docs/reference/selectors.md#kind-selectors."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import attrs

from ..text import lexis
from ..text.lexis import fail
from .specific import ANY, SpecificSelector, scan_specific_selector

if TYPE_CHECKING:
    from .kind import Kind

__all__ = ["ANY_KIND", "KindSelector", "scan_kind_selector"]


@attrs.frozen
class KindSelector:
    """A pattern of Kinds, written ``<Base<Sub<specific>>>``. A part that is missing matches anything.

    Attributes:
        base: a name, or ``*`` for any.
        sub: a name, or ``*`` for any or none. A name does not match a Kind without a sub kind.
        specific: a pattern of products, or None for any or none.

    Example:
        >>> from hyperverse_core.universe.kinds.kind import Kind
        >>> KindSelector.parse("<File>").matches(Kind.parse("File<Dir>"))
        True
    """

    base: str = ANY
    sub: str = ANY
    specific: SpecificSelector | None = None

    @classmethod
    def parse(cls, text: str) -> KindSelector:
        """Reads ``text``, with its angle brackets, as a Kind selector. Raises ParseError."""
        return _parse(text) if len(text) <= 512 else _parse.__wrapped__(text)

    @property
    def is_any(self) -> bool:
        """Whether it matches every Kind."""
        return self.base == ANY and self.sub == ANY and self.specific is None

    def matches(self, kind: Kind) -> bool:
        """Whether base, sub kind and specific of ``kind`` match."""
        if self.base != kind.base and self.base != ANY:
            return False
        if self.sub != kind.sub and self.sub != ANY:
            return False
        return self.specific is None or (kind.specific is not None and self.specific.matches(kind.specific))

    def __str__(self) -> str:
        if self.specific is not None:
            return f"<{self.base}<{self.sub}<{self.specific}>>>"
        return f"<{self.base}>" if self.sub == ANY else f"<{self.base}<{self.sub}>>"


ANY_KIND = KindSelector()


@lru_cache(maxsize=1024)
def _parse(text: str) -> KindSelector:
    selector, end = scan_kind_selector(text, 0)
    if end < len(text):
        fail(text, end, "the end of the kind selector")
    return selector


def scan_kind_selector(text: str, pos: int) -> tuple[KindSelector, int]:
    """Reads the Kind selector whose ``<`` is at ``pos``; returns it and the offset after it. Raises ParseError."""
    base, at = _scan_name(text, _bracket(text, pos, "<"), "a Kind such as Space")
    sub = ANY
    specific: SpecificSelector | None = None
    if text.startswith("<", at):
        sub, at = _scan_name(text, at + 1, "a sub kind")
        if text.startswith("<", at):
            specific, at = _scan_specific(text, at + 1)
            at = _bracket(text, at, ">")
        at = _bracket(text, at, ">")
    return KindSelector(base, sub, specific), _bracket(text, at, ">")


def _bracket(text: str, at: int, token: str) -> int:
    if not text.startswith(token, at):
        fail(text, at, repr(token))
    return at + 1


def _scan_name(text: str, at: int, looks: str) -> tuple[str, int]:
    if text.startswith(ANY, at):
        return ANY, at + 1
    found = lexis.CAMEL.match(text, at)
    if found is None:
        fail(text, at, looks, "'*'")
    return found.group(), found.end()


def _scan_specific(text: str, at: int) -> tuple[SpecificSelector | None, int]:
    # "*" alone stands for any specific, "*:..." for any provider.
    if text.startswith(ANY, at) and not text.startswith(":", at + 1):
        return None, at + 1
    return scan_specific_selector(text, at)
