"""Routes between stars: the shortest ones over the existing lanes, through stars that forward.

A link is a name, which may refer to any number of stars. So stars are never paired: one step leads to all stars of a
link, and each link and each name is followed once. The cost grows with the number of stars, not with its square.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set

import attrs

__all__ = ["Lanes", "Reached", "reach"]

_NOBODY: frozenset[str] = frozenset()


@attrs.frozen
class Lanes:
    """The lanes between stars. A lane works in both directions, and it is enough that one end links to the other.

    Attributes:
        links: the links of a star.
        names: the names by which links may refer to a star.
        named: the stars to which a link refers.
        linking: the stars that have a link.
        forwards: whether a star forwards waves.
        ours, unreachable: no star of the first set has a lane to a star of the second.
    """

    links: Callable[[str], Iterable[str]]
    names: Callable[[str], Iterable[str]]
    named: Mapping[str, Set[str]]
    linking: Mapping[str, Set[str]]
    forwards: Callable[[str], bool]
    ours: Set[str] = _NOBODY
    unreachable: Set[str] = _NOBODY

    def cut_off(self, star: str) -> Set[str]:
        """Returns the stars to which this one has no lane, whatever its links say."""
        if not self.unreachable:
            return _NOBODY
        return self.unreachable if star in self.ours else self.ours if star in self.unreachable else _NOBODY


@attrs.frozen
class Reached:
    """A star within reach.

    Attributes:
        lanes: its distance in lanes.
        by: the first star on the route that is not ours, which may be the star itself; empty for one of our stars that
            is reached only through our stars.
    """

    lanes: int
    by: str


def reach(start: str, lanes: Lanes, ours: Callable[[str], bool]) -> dict[str, Reached]:
    """Returns a shortest route to each star within reach. If there are several, it is the one whose names sort first.

    Args:
        start: the star where the routes begin.
        lanes: the existing lanes.
        ours: whether a star belongs to this machine.
    """
    found = {start: Reached(0, "")}
    followed: set[tuple[bool, str]] = set()
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here != start and not lanes.forwards(here):
            continue  # within reach, but does not forward
        way = found[here]
        for star in sorted(_next_to(here, lanes, followed) - found.keys()):
            found[star] = Reached(way.lanes + 1, way.by or ("" if ours(star) else star))
            queue.append(star)
    return found


def _next_to(here: str, lanes: Lanes, followed: set[tuple[bool, str]]) -> set[str]:
    """Returns the neighbours of a star, except those that an earlier star reached."""
    near: set[str] = set()
    cut_off = lanes.cut_off(here)
    for named, texts, stars in ((True, lanes.links(here), lanes.named), (False, lanes.names(here), lanes.linking)):
        for text in texts:
            if (named, text) in followed:
                continue
            meant = stars.get(text, _NOBODY)
            if cut_off.isdisjoint(meant):
                followed.add((named, text))  # the stars to which it refers are now found
                near |= meant
            else:
                near |= meant - cut_off
    return near
