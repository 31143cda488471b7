"""Ways between stars: the shortest over the lanes that there are, through stars that forward.

A link is a name, which may mean any number of stars. So stars are never paired: one step goes to all that a link means
at once, and each link and each name is followed once. The cost grows with the number of stars, not with its square.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set

import attrs

__all__ = ["Lanes", "Reached", "reach"]

_NOBODY: frozenset[str] = frozenset()


@attrs.frozen
class Lanes:
    """Which stars have a lane to one another: a lane carries both ways, and one end that names the other is enough.

    Attributes:
        links: what a star has links to.
        names: how links may call a star.
        named: the stars that a link means.
        linking: the stars that have a link.
        forwards: whether a star passes waves on.
        ours, unreachable: no star of the one set has a lane to a star of the other.
    """

    links: Callable[[str], Iterable[str]]
    names: Callable[[str], Iterable[str]]
    named: Mapping[str, Set[str]]
    linking: Mapping[str, Set[str]]
    forwards: Callable[[str], bool]
    ours: Set[str] = _NOBODY
    unreachable: Set[str] = _NOBODY

    def cut_off(self, star: str) -> Set[str]:
        """The stars that this one has no lane to, whatever its links say."""
        if not self.unreachable:
            return _NOBODY
        return self.unreachable if star in self.ours else self.ours if star in self.unreachable else _NOBODY


@attrs.frozen
class Reached:
    """A star that can be reached.

    Attributes:
        lanes: how many lanes it is away.
        by: the first star on the way that is not of ours: itself, if it is the first; empty for one of ours that is
            reached by ours alone.
    """

    lanes: int
    by: str


def reach(start: str, lanes: Lanes, ours: Callable[[str], bool]) -> dict[str, Reached]:
    """Returns a shortest way to each star that can be reached; of several, the one whose names sort first.

    Args:
        start: where the ways begin.
        lanes: those that there are.
        ours: whether a star is of this machine.
    """
    found = {start: Reached(0, "")}
    followed: set[tuple[bool, str]] = set()
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here != start and not lanes.forwards(here):
            continue  # it is reached, but passes nothing on
        way = found[here]
        for star in sorted(_next_to(here, lanes, followed) - found.keys()):
            found[star] = Reached(way.lanes + 1, way.by or ("" if ours(star) else star))
            queue.append(star)
    return found


def _next_to(here: str, lanes: Lanes, followed: set[tuple[bool, str]]) -> set[str]:
    """The neighbours of a star, without those that an earlier star has reached."""
    near: set[str] = set()
    cut_off = lanes.cut_off(here)
    for named, texts, stars in ((True, lanes.links(here), lanes.named), (False, lanes.names(here), lanes.linking)):
        for text in texts:
            if (named, text) in followed:
                continue
            meant = stars.get(text, _NOBODY)
            if cut_off.isdisjoint(meant):
                followed.add((named, text))  # whoever is meant by it is found now
                near |= meant
            else:
                near |= meant - cut_off
    return near
