"""Composition: which stars a machine runs, and which stars their lanes lead to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ...config import Config, StarTemplate
from ...contracts.registry import StarRecord
from ...universe.address.star_key import StarKey

if TYPE_CHECKING:
    from ..delivery.outbound import Star

__all__ = ["free_index", "linked", "machine_links", "own_stars"]


def own_stars(config: Config, machine_index: int) -> list[tuple[StarTemplate, int]]:
    """The stars that a machine runs, with the index of each.

    A star whose template names a machine is run by that machine. One that names none is run by every machine that
    reads the config, the first with the indexes that are written there, the next with those behind them, and so on.

    Args:
        machine_index: how many machines have come to this data directory before it.
    """
    named = [t for t in config.stars if t.machine]
    own = [(t, t.index) for t in named if t.machine == config.name]
    free = [t for t in config.stars if not t.machine]
    stride = {t.name: sum(other.name == t.name for other in config.stars) for t in free}
    return own + [(t, t.index + machine_index * stride[t.name]) for t in free]


def free_index(config: Config, machine_index: int, known: Iterable[StarRecord]) -> int:
    """``machine_index``, or the first one behind it with which no other machine holds a star of this one: machines
    of another data directory count for themselves.

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
    """The links of the star that stands for a machine: to the machine's other stars, and, when none of those passes
    waves on, to the stars that these are linked to. So no machine is cut off by what it is made of."""
    links = [star.text for star in stars]
    if not any(star.kind.forwards for star in stars):
        links += [link for star in stars for link in star.links]
    return tuple(dict.fromkeys(links))


def linked(star: StarKey, links: Sequence[str], known: Iterable[StarKey], home: str) -> tuple[StarKey, ...]:
    """The stars that ``links`` mean, of those that are known: all of a name, one by name and index, or by key.

    Args:
        home: the constellation that names without one belong to.
    """
    wanted = frozenset(links)
    found = [
        key
        for key in known
        if (str(key) in wanted or (key.constellation == home and not wanted.isdisjoint(_names(key)))) and key != star
    ]
    return tuple(sorted(found, key=str))


def _names(key: StarKey) -> tuple[str, str]:
    return key.name, f"{key.name}[{key.index}]"
