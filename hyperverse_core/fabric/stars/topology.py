"""Topology: the stars that a machine runs, and the stars to which their lanes lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from ...config import Config, StarTemplate
from ...contracts.registry import StarRecord
from ...errors import NotFound, did_you_mean
from ...universe.address.star_key import StarKey
from .star import Star
from .star_kind import StarKind

__all__ = [
    "announced_links",
    "free_index",
    "lanes_between",
    "machine_key",
    "machine_links",
    "make_stars",
    "names_of",
    "own_stars",
]


@lru_cache(maxsize=1024)
def machine_key(machine: str) -> StarKey:
    """Returns the key of the star that represents a machine."""
    return StarKey("machine", machine, 0)


def make_stars(config: Config, index: int, star_kinds: Mapping[str, StarKind]) -> dict[StarKey, Star]:
    """Returns the stars of a machine by key; the last one represents the machine itself.

    Args:
        index: index of the machine, as for :func:`own_stars`.
        star_kinds: the star kinds of plugins.

    Raises NotFound if no plugin provides the kind of a star.
    """
    home = machine_key(config.name)
    stars: dict[StarKey, Star] = {}
    for template, number in own_stars(config, index):
        key = StarKey(config.constellation, template.name, number)
        stars[key] = Star(key, _star_kind(template.kind, star_kinds), (*template.links, str(home)))
    links = machine_links(list(stars.values()))
    stars[home] = Star(home, _star_kind("Machine", star_kinds), links)
    return stars


def _star_kind(name: str, known: Mapping[str, StarKind]) -> StarKind:
    found = known.get(name)
    if found is None:
        near = did_you_mean(name, known)
        raise NotFound(f"no star kind named {name!r}", hint=f"known: {', '.join(known)}{near}")
    return found


def own_stars(config: Config, machine_index: int) -> list[tuple[StarTemplate, int]]:
    """Returns the stars that a machine runs, each with its index.

    If the template of a star names a machine, that machine runs the star. Otherwise every machine that reads the config
    runs it: the first machine uses the configured indexes, the next one those that follow, and so on.

    Args:
        machine_index: number of machines that joined this data directory before this one.
    """
    named = [t for t in config.stars if t.machine]
    own = [(t, t.index) for t in named if t.machine == config.name]
    free = [t for t in config.stars if not t.machine]
    stride = {t.name: sum(other.name == t.name for other in config.stars) for t in free}
    return own + [(t, t.index + machine_index * stride[t.name]) for t in free]


def free_index(config: Config, machine_index: int, known: Iterable[StarRecord]) -> int:
    """Returns ``machine_index``, or the first later index with which no other machine holds one of this machine's
    stars, because machines of another data directory count independently.

    Args:
        known: the directory of stars.
    """
    held = {record.key for record in known if record.machine != config.name}
    while any(
        not template.machine and StarKey(config.constellation, template.name, index) in held
        for template, index in own_stars(config, machine_index)
    ):
        machine_index += 1
    return machine_index


def machine_links(stars: Sequence[Star]) -> tuple[str, ...]:
    """Returns the links of the star that represents a machine: to the machine's other stars and, if none of those
    forwards waves, to the stars to which they link. This keeps a machine connected even if none of its own stars
    forwards."""
    links = [star.text for star in stars]
    if not any(star.kind.forwards for star in stars):
        links += [link for star in stars for link in star.links]
    return tuple(dict.fromkeys(links))


def announced_links(links: Iterable[str], home: str) -> tuple[str, ...]:
    """Returns links in the form that this machine announces: each is the key of a star, or a key without an index,
    which refers to every star of that name. The reader resolves them to stars.

    Args:
        home: the constellation for names without one.
    """
    return tuple(dict.fromkeys(link if link.startswith("STAR::") else f"STAR::{home}:{link}" for link in links))


def names_of(star: str) -> tuple[str, str]:
    """Returns the names by which announced links may refer to a star: its key, and the key without its index.

    Args:
        star: the text of its key.
    """
    return star, star[: star.rindex("[")]


def lanes_between(links: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Returns the stars to which each star has a lane; it is enough that one end links to the other.

    Args:
        links: the announced links of each star, by the text of its key.
    """
    named: dict[str, list[str]] = {}
    for star in links:
        for name in names_of(star):
            named.setdefault(name, []).append(star)
    lanes: dict[str, set[str]] = {star: set() for star in links}
    for star, texts in links.items():
        for end in {end for text in texts for end in named.get(text, ())} - {star}:
            lanes[star].add(end)
            lanes[end].add(star)
    return lanes
