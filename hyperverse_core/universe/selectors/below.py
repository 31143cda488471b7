"""The texts of selectors for everything below a particle: in a filesystem they are written differently."""

from __future__ import annotations

from ..address.point import Point

__all__ = ["below", "children_of"]


def children_of(point: Point) -> str:
    """Returns the selector of the children of ``point``; empty if it can have none, because it is a file."""
    return _behind(point, "*")


def below(point: Point) -> str:
    """Returns the selector of everything below ``point``; empty if nothing can be below it, because it is a file."""
    return _behind(point, "**")


def _behind(point: Point, stars: str) -> str:
    if point.is_root:
        return f"{point.route.prefix}{stars}"
    if not point.segments[-1].kind.is_filesystem:
        return f"{point}:{stars}"
    return f"{point}{stars}" if point.text.endswith("/") else ""
