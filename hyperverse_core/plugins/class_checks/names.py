"""Checks that the names to which drivers refer are declared. This is possible once all plugins have registered."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ...contracts.driver import Driver
from ...errors import did_you_mean
from ...universe.kinds.kind_selector import KindSelector
from .mistake import Mistake

__all__ = ["unknown_names"]

_ANY = ("*",)


def unknown_names(
    driver: type[Driver], declared: Collection[str], placements: Collection[str], star_kinds: Collection[str]
) -> Iterator[Mistake]:
    """Yields a mistake for each Kind, placement strategy or star kind that a driver names and nothing declares."""
    kind = driver.kind
    if driver.placement not in placements:
        said = f"`placement` is {driver.placement!r}, which no plugin provides"
        yield Mistake(driver, said, "correct the name" + did_you_mean(driver.placement, placements), name="placement")
    for star_kind in sorted((driver.star_kinds or frozenset()) - frozenset(star_kinds)):
        said = f"`star_kinds` names {star_kind!r}, which no plugin declares"
        yield Mistake(driver, said, "correct the name" + did_you_mean(star_kind, star_kinds), name="star_kinds")
    for name, texts in (("parents", kind.parents), ("children", kind.children)):
        if texts == _ANY:
            continue
        for text in texts:
            base = KindSelector.parse(text if text.startswith("<") else f"<{text}>").base
            if base != "*" and base not in declared:
                said = f"`{name}` of the Kind {kind.name!r} names {base!r}, which no plugin declares"
                cure = "correct the name, or register its driver" + did_you_mean(base, declared)
                yield Mistake(driver, said, cure, name="kind")
