"""Substance patterns: what a body must look like to pass a step (universe 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import attrs

from .stop import Call
from .substance import Format, is_substance

__all__ = [
    "ANY_BODY",
    "DEEPEST",
    "NO_BODY",
    "AllShape",
    "AnyShape",
    "Count",
    "EmptyShape",
    "KindShape",
    "MapShape",
    "Pattern",
    "Shape",
    "Validator",
]

DEEPEST: Final = 16
"""How many map patterns may stand in one another."""


@attrs.frozen
class Count:
    """How many items a list may have: ``[]``, ``[3]``, ``[1-4]``."""

    low: int = 0
    high: int | None = None

    def __str__(self) -> str:
        if self.high is None:
            return "[]"
        return f"[{self.low}]" if self.low == self.high else f"[{self.low}-{self.high}]"


@attrs.frozen
class AnyShape:
    """``*``: whatever it is."""

    def matches(self, body: Any) -> bool:
        """Always."""
        return True

    def __str__(self) -> str:
        return "*"


@attrs.frozen
class EmptyShape:
    """Nothing between the brackets: no body."""

    def matches(self, body: Any) -> bool:
        """Whether there is no body."""
        return body is None

    def __str__(self) -> str:
        return ""


@attrs.frozen
class KindShape:
    """``Text``, or ``Text[1-4]``: a substance, or a list of them."""

    kind: str
    count: Count | None = None

    def matches(self, body: Any) -> bool:
        """Whether ``body`` is such a substance, or a list of as many as ``count`` says."""
        if self.count is None:
            return is_substance(body, self.kind)
        if not isinstance(body, list | tuple) or len(body) < self.count.low:
            return False
        if self.count.high is not None and len(body) > self.count.high:
            return False
        return all(is_substance(item, self.kind) for item in body)

    def __str__(self) -> str:
        return self.kind if self.count is None else f"{self.kind}{self.count}"


@attrs.frozen
class MapShape:
    """``Map{ [ a<Bin>, b<Text> ] *<Json> }``: a map with these keys.

    Attributes:
        keys: what each key that must be there holds.
        rest: what every other key holds; None when there may be no other.
    """

    keys: tuple[tuple[str, Pattern], ...] = ()
    rest: Pattern | None = None

    @property
    def depth(self) -> int:
        """How many map patterns stand in one another, this one included."""
        inner = [pattern for _, pattern in self.keys]
        if self.rest is not None:
            inner.append(self.rest)
        return 1 + max((p.shape.depth for p in inner if isinstance(p.shape, MapShape)), default=0)

    def matches(self, body: Any) -> bool:
        """Whether ``body`` is a map that has all the keys, and every value fits."""
        if not isinstance(body, dict):
            return False
        for key, pattern in self.keys:
            if key not in body or not pattern.matches(body[key]):
                return False
        known = {key for key, _ in self.keys}
        others = [value for key, value in body.items() if key not in known]
        if self.rest is None:
            return not others
        return all(self.rest.matches(value) for value in others)

    def __str__(self) -> str:
        keys = f"[ {', '.join(f'{key}<{pattern}>' for key, pattern in self.keys)} ]" if self.keys else ""
        rest = "" if self.rest is None else "*" if self.rest == ANY_BODY else f"*<{self.rest}>"
        inner = " ".join(part for part in (keys, rest) if part)
        return f"Map{{ {inner} }}" if inner else "Map{}"


@attrs.frozen
class AllShape:
    """Several patterns at once: those of the scopes around a step and its own. It has no text of its own."""

    patterns: tuple[Pattern, ...]

    def matches(self, body: Any) -> bool:
        """Whether ``body`` meets each of them."""
        return all(pattern.matches(body) for pattern in self.patterns)

    def __str__(self) -> str:
        return " and ".join(map(str, self.patterns))


Shape: TypeAlias = AnyShape | EmptyShape | KindShape | MapShape | AllShape


@attrs.frozen
class Validator:
    """``~ point^Ext<M>/path + config``: somebody who is asked whether a body is right.

    Asking needs a wave, so the pattern only names whom to ask.
    """

    call: Call
    config: Any = None

    def __str__(self) -> str:
        return str(self.call) if self.config is None else f"{self.call}+{self.config}"


@attrs.frozen
class Pattern:
    """What a body must look like.

    Attributes:
        shape: which substance.
        format: what its content has to be, or None.
        validator: whom to ask besides, or None.
    """

    shape: Shape = attrs.field(factory=AnyShape)
    format: Format | None = None
    validator: Validator | None = None

    @classmethod
    def all_of(cls, patterns: Sequence[Pattern]) -> Pattern:
        """The pattern that a body meets which meets each of ``patterns``; at least one."""
        return patterns[0] if len(patterns) == 1 else cls(AllShape(tuple(patterns)))

    def matches(self, body: Any) -> bool:
        """Whether ``body`` has the shape and the format. The validator is not asked."""
        return self.shape.matches(body) and (self.format is None or self.format.fits(body))

    def __str__(self) -> str:
        form = f"~{self.format.value}" if self.format is not None else ""
        return f"{self.shape}{form}" + (f"~{self.validator}" if self.validator is not None else "")


ANY_BODY: Final = Pattern()
NO_BODY: Final = Pattern(EmptyShape())
