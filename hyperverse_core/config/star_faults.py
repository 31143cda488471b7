"""Faults between the stars of one configuration: stars that occur twice, links to stars that do not exist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from ..errors import ParseError, did_you_mean
from ..universe.address.star_key import StarKey
from .check import Fault

__all__ = ["star_faults"]

_LINK = re.compile(r"([a-z][a-z0-9]*)(?:\[(\d+)\])?")


class Linked(Protocol):
    """What this module needs to know of a star: its name, index and links."""

    @property
    def name(self) -> str: ...

    @property
    def index(self) -> int: ...

    @property
    def links(self) -> tuple[str, ...]: ...


def star_faults(stars: Sequence[Linked]) -> list[Fault]:
    """Returns the faults between the stars of one configuration."""
    faults: list[Fault] = []
    seen: set[tuple[str, int]] = set()
    for position, star in enumerate(stars):
        where = f"stars[{position}]"
        if (star.name, star.index) in seen:
            faults.append(
                Fault(where, f"there are two stars '{star.name}[{star.index}]'", "give one of them another index")
            )
        seen.add((star.name, star.index))
    names = sorted({name for name, _ in seen})
    for position, star in enumerate(stars):
        for number, link in enumerate(star.links):
            said = _link_fault(star, link, seen, names)
            if said:
                faults.append(Fault(f"stars[{position}].links[{number}]", said))
    return faults


def _link_fault(star: Linked, link: str, stars: set[tuple[str, int]], names: Sequence[str]) -> str:
    if link.startswith("STAR::"):
        return _key_fault(link)
    found = _LINK.fullmatch(link)
    if found is None:
        return f"{link!r} does not name a star: write 'nexus' or 'nexus[0]'"
    name, index = found.group(1), found.group(2)
    if name not in names:
        return f"there is no star {name!r}{did_you_mean(name, names) or '; known: ' + ', '.join(names)}"
    if index is not None and (name, int(index)) not in stars:
        return f"there is no star {link!r}"
    if index is not None and (name, int(index)) == (star.name, star.index):
        return f"the star {link!r} has a link to itself"
    return ""


def _key_fault(text: str) -> str:
    try:
        StarKey.parse(text)
    except ParseError as exc:
        return f"{text!r} is not a star key: {exc.message}"
    return ""
