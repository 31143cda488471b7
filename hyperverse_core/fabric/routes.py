"""Ways between stars: the shortest over the lanes that there are, through stars that forward."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

__all__ = ["distances_from", "next_hops"]

Links = Mapping[str, frozenset[str]]
"""For each star (text of its key), the stars that it has lanes to."""


def both_ways(links: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """A lane carries both ways, and one end that names it is enough."""
    full: dict[str, set[str]] = {star: set() for star in links}
    for star, ends in links.items():
        for end in ends:
            if end in full and end != star:
                full[star].add(end)
                full[end].add(star)
    return {star: frozenset(ends) for star, ends in full.items()}


def distances_from(start: str, links: Links, forwards: Callable[[str], bool]) -> dict[str, int]:
    """How many lanes each star is away; stars without a way are left out."""
    return {star: hops for star, (hops, _) in _search(start, links, forwards).items()}


def next_hops(start: str, links: Links, forwards: Callable[[str], bool]) -> dict[str, str]:
    """The first star on a shortest way to each other star. Of several, the one whose name sorts first."""
    return {star: first for star, (_, first) in _search(start, links, forwards).items() if first}


def _search(start: str, links: Links, forwards: Callable[[str], bool]) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {start: (0, "")}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        hops, first = found[here]
        if here != start and not forwards(here):
            continue  # it is reached, but passes nothing on
        for star in sorted(links.get(here, ())):
            if star not in found:
                found[star] = (hops + 1, first or star)
                queue.append(star)
    return found
