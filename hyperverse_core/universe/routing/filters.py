"""Filters: conditions on who asks, on the scopes of a bind and on the routes of a handler (universe 6.1)."""

from __future__ import annotations

from typing import Final

import attrs

from ...errors import ParseError, did_you_mean
from ..address.point import ANONYMOUS, Point

__all__ = ["FILTERS", "Filter", "print_filters"]

FILTERS: Final = ("auth", "noauth")
"""The filters that there are."""


@attrs.frozen
class Filter:
    """A condition on the agent of a wave.

    ``(auth)`` admits those who have said who they are, ``(auth POINT)`` only POINT and the agents below it.
    ``(noauth)`` admits the anonymous only.

    Attributes:
        name: which condition.
        args: what is written behind the name; None when nothing is, not even a blank.
    """

    name: str
    args: str | None = None

    def check(self) -> None:
        """Raises ParseError when no such filter exists or its argument does not fit."""
        if self.name not in FILTERS:
            near = did_you_mean(self.name, FILTERS)
            raise ParseError(f"unknown filter {self.name!r}{near}", text=str(self), expected=FILTERS)
        if not self.args:
            return
        if self.name == "noauth":
            raise ParseError(f"filter 'noauth' takes no argument, not {self.args!r}", text=str(self))
        Point.parse(self.args.strip())

    def admits(self, agent: Point | None) -> bool:
        """Whether a wave of ``agent`` passes; None is anonymous. What is not understood admits nobody."""
        known = agent is not None and agent != ANONYMOUS
        if self.name == "noauth":
            return not known and not self.args
        if self.name != "auth" or agent is None or not known:
            return False
        above = (self.args or "").strip()
        if not above:
            return True
        try:
            return Point.parse(above).is_parent_of(agent)
        except ParseError:
            return False

    def __str__(self) -> str:
        return f"({self.name})" if self.args is None else f"({self.name} {self.args})"


def print_filters(filters: tuple[Filter, ...]) -> str:
    """Filters as they are written behind a name; empty for none."""
    return "-".join(map(str, filters))
