"""Patterns of bodies, which a body must match to pass a step. docs/reference/binds.md#patterns.

`grammar.parse_pattern` reads one from text.
"""

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
"""How deeply map patterns may be nested."""


@attrs.frozen
class Count:
    """The length of a list: ``[]`` for any, ``[3]``, ``[1-4]``.

    Attributes:
        low: the smallest length.
        high: the greatest length; None for no limit.
    """

    low: int = 0
    high: int | None = None

    def __str__(self) -> str:
        if self.high is None:
            return "[]"
        return f"[{self.low}]" if self.low == self.high else f"[{self.low}-{self.high}]"


@attrs.frozen
class AnyShape:
    """Any body: ``*``."""

    def matches(self, body: Any) -> bool:
        """Returns True."""
        return True

    def __str__(self) -> str:
        return "*"


@attrs.frozen
class EmptyShape:
    """No body: nothing between the brackets of a step."""

    def matches(self, body: Any) -> bool:
        """Whether there is no body."""
        return body is None

    def __str__(self) -> str:
        return ""


@attrs.frozen
class KindShape:
    """A substance, such as ``Text``, or a list of them, such as ``Text[1-4]``.

    Attributes:
        kind: the name of the substance.
        count: the length of the list; None for no list.
    """

    kind: str
    count: Count | None = None

    def matches(self, body: Any) -> bool:
        """Whether ``body`` is such a substance, or a list of them with such a length."""
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
    """A map with certain keys: ``Map{ [ a<Bin>, b<Text> ] *<Json> }``.

    Attributes:
        keys: the required keys, each with the pattern of its value.
        rest: the pattern of all other values; None if there may be no other key.
    """

    keys: tuple[tuple[str, Pattern], ...] = ()
    rest: Pattern | None = None

    @property
    def depth(self) -> int:
        """How deeply map patterns are nested, including this one."""
        inner = [pattern for _, pattern in self.keys]
        if self.rest is not None:
            inner.append(self.rest)
        return 1 + max((p.shape.depth for p in inner if isinstance(p.shape, MapShape)), default=0)

    def matches(self, body: Any) -> bool:
        """Whether ``body`` is a map with all required keys, and all its values match."""
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
    """Several patterns at once: those of a step and of the scopes around it. It has no syntax of its own."""

    patterns: tuple[Pattern, ...]

    def matches(self, body: Any) -> bool:
        """Whether ``body`` matches every pattern."""
        return all(pattern.matches(body) for pattern in self.patterns)

    def __str__(self) -> str:
        return " and ".join(map(str, self.patterns))


Shape: TypeAlias = AnyShape | EmptyShape | KindShape | MapShape | AllShape


@attrs.frozen
class Validator:
    """A particle that checks bodies: ``~ point^Ext<M>/path + config``.

    The check takes a wave, so matching a pattern does not do it. The pattern only names the particle.

    Attributes:
        call: the particle, and the method and path of the request.
        config: the point of a configuration for it, or None.
    """

    call: Call
    config: Any = None

    def __str__(self) -> str:
        return str(self.call) if self.config is None else f"{self.call}+{self.config}"


@attrs.frozen
class Pattern:
    """A pattern of bodies.

    Attributes:
        shape: the substance, or the keys of a map.
        format: the format of the content, or None for any.
        validator: a particle to ask about the body, or None.
    """

    shape: Shape = attrs.field(factory=AnyShape)
    format: Format | None = None
    validator: Validator | None = None

    @classmethod
    def all_of(cls, patterns: Sequence[Pattern]) -> Pattern:
        """Returns the pattern of bodies that match all ``patterns``, of which there is at least one."""
        return patterns[0] if len(patterns) == 1 else cls(AllShape(tuple(patterns)))

    def matches(self, body: Any) -> bool:
        """Whether ``body`` has the shape and the format. This does not ask the validator."""
        return self.shape.matches(body) and (self.format is None or self.format.fits(body))

    def __str__(self) -> str:
        form = f"~{self.format.value}" if self.format is not None else ""
        return f"{self.shape}{form}" + (f"~{self.validator}" if self.validator is not None else "")


ANY_BODY: Final = Pattern()
NO_BODY: Final = Pattern(EmptyShape())
