"""Ways between stars: the shortest over the lanes that there are, through stars that forward."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

__all__ = ["both_ways", "distances_from", "paths_from"]

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
    return {star: len(path) for star, path in paths_from(start, links, forwards).items()}


def paths_from(start: str, links: Links, forwards: Callable[[str], bool]) -> dict[str, tuple[str, ...]]:
    """A shortest way to each star: those that are passed, and itself. Of several, the one whose names sort first."""
    found: dict[str, tuple[str, ...]] = {start: ()}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here != start and not forwards(here):
            continue  # it is reached, but passes nothing on
        for star in sorted(links.get(here, ())):
            if star not in found:
                found[star] = (*found[here], star)
                queue.append(star)
    return found
