"""Reads everything that a selector matches from the registry, page by page."""

from __future__ import annotations

from typing import Final

from ....contracts.registry import ParticleRecord, ParticleRegistry
from ....errors import NotFound
from ....universe.address.point import Point
from ....universe.selectors.selector import Selector

__all__ = ["PAGE", "every_match"]

PAGE: Final = 1000
"""Number of records that are read at a time."""


async def every_match(registry: ParticleRegistry, selector: Selector) -> list[ParticleRecord]:
    """Returns every particle that matches, ordered by point. Raises NotFound if none does."""
    found: list[ParticleRecord] = []
    after: Point | None = None
    while True:
        page = await registry.select(selector, after=after, limit=PAGE)
        found += page.records
        after = page.after
        if after is None:
            break
    if not found:
        raise NotFound(f"nothing matches {str(selector)!r}")
    return found
