"""Suggestions for the name of a particle that does not exist."""

from __future__ import annotations

from typing import Final

from ...contracts.registry import ParticleRegistry
from ...universe.address.alike import like
from ...universe.address.point import Point

__all__ = ["nearest"]

_SIBLINGS: Final = 200
_SPACES_NAMED: Final = 4


async def nearest(registry: ParticleRegistry, point: Point) -> str:
    """Returns a hint for a point that does not exist, with names similar to its first missing segment; empty if there
    are none.

    The hint names children of ``point``'s parent, so the caller must know that the agent may select them. If the parent
    does not exist either, only the hyperuser may see the hint.

    Args:
        registry: the registry to search.
        point: the point that does not exist.
    """
    if point.parent is None or not point.route.is_local:
        return ""
    path = [step for step in (point, *point.ancestors()) if not step.is_root]
    found = await registry.records(path) if len(path) > 1 else {}
    missing = [step for step in path if step not in found][-1:] or [point]
    first = missing[0]
    assert first.parent is not None  # only the root has none, and it is not in the path
    page = await registry.children(first.parent, limit=_SIBLINGS)
    beside = [record.point.text for record in page.records]
    said = like(first, [record.point for record in page.records])
    if first != point:
        return f"{first.text!r} does not exist{f'; {said}' if said else ''}"
    if said or not first.parent.is_root or not beside:
        return said
    more = ", ..." if len(beside) > _SPACES_NAMED else ""
    return f"the spaces are {', '.join(beside[:_SPACES_NAMED])}{more}; a point in one is {beside[-1]}:{first.text}"
