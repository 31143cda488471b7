"""Filters: conditions on the agent of a request, in binds and route selectors. docs/reference/binds.md#scopes."""

from __future__ import annotations

from typing import Final

import attrs

from ...errors import ParseError, did_you_mean
from ..address.point import ANONYMOUS, Point

__all__ = ["FILTERS", "Filter", "print_filters"]

FILTERS: Final = ("auth", "noauth")
"""The names of all filters."""


@attrs.frozen
class Filter:
    """A condition on the agent of a wave.

    ``(auth)`` admits every authenticated agent, ``(auth POINT)`` only the agent POINT and those below it.
    ``(noauth)`` admits the anonymous agent only.

    Attributes:
        name: the name of the filter.
        args: the text after the name; None if there is no blank after it.
    """

    name: str
    args: str | None = None

    def check(self) -> None:
        """Raises ParseError if there is no such filter, or if its argument does not fit."""
        if self.name not in FILTERS:
            near = did_you_mean(self.name, FILTERS)
            raise ParseError(f"unknown filter {self.name!r}{near}", text=str(self), expected=FILTERS)
        if not self.args:
            return
        if self.name == "noauth":
            raise ParseError(f"filter 'noauth' takes no argument, not {self.args!r}", text=str(self))
        Point.parse(self.args.strip())

    def admits(self, agent: Point | None) -> bool:
        """Whether a wave of ``agent`` passes; None is the anonymous agent. A filter that is wrong admits no agent."""
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
    """Returns ``filters`` as text that stands after a name; an empty text for none."""
    return "-".join(map(str, filters))
