"""``hyperverse tree`` and ``hyperverse ls``: the particles below a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ...errors import NotFound
from ...universe.address.point import ROOT, Point
from ..talk.connection import talk
from ..talk.pages import select
from ..terminal.options import common, options
from ..terminal.output import print_json, table

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["ls", "tree"]


def _point(text: str | None) -> Point:
    """Parses the point that the user gave; returns ROOT when there is none. Raises ParseError."""
    return Point.parse(text) if text and text != ROOT.text else ROOT


@click.command()
@click.argument("point", required=False)
@common
def ls(point: str | None) -> None:
    """List the children of POINT; without POINT, those of the root."""
    parent = _point(point)

    async def children(client: Client) -> list[dict[str, Any]]:
        if not parent.is_root:
            await _must_exist(client, parent)
        return [stub async for stub in select(client, "*" if parent.is_root else f"{parent}:*")]

    found = talk(children)
    if options().json:
        print_json(found)
    elif found:
        table(("point", "kind", "status"), [(s["point"], s["kind"], s["status"]) for s in found])


async def _must_exist(client: Client, point: Point) -> None:
    async for _ in select(client, str(point)):
        return
    raise NotFound(f"no particle {str(point)!r}", hint="`hyperverse tree` shows all")


@click.command()
@click.argument("point", required=False)
@common
def tree(point: str | None) -> None:
    """Show POINT and everything below it; without POINT, everything."""
    top = _point(point)

    async def below(client: Client) -> list[dict[str, Any]]:
        return [stub async for stub in select(client, "+**" if top.is_root else f"{top}+:**")]

    found = talk(below)
    if options().json:
        print_json(found)
        return
    if not found:
        raise NotFound(f"no particle {str(top)!r}", hint="`hyperverse tree` shows all")
    _draw(top, found)


def _draw(top: Point, found: list[dict[str, Any]]) -> None:
    kinds = {Point.parse(stub["point"]): stub["kind"] for stub in found}
    children: dict[Point, list[Point]] = {}
    for point in kinds:
        above = point.parent
        while above is not None and above not in kinds and above != top:  # the user may not see that parent
            above = above.parent
        if above is not None and point != top:
            children.setdefault(above, []).append(point)
    print(f"{top}<{kinds[top]}>" if top in kinds else str(top))
    stack = [(child, "", i == 0) for i, child in enumerate(reversed(children.get(top, ())))]
    while stack:  # no recursion: a tree may be deeper than the stack of Python
        point, indent, last = stack.pop()
        print(f"{indent}{'└── ' if last else '├── '}{point.name}<{kinds[point]}>")
        below = reversed(children.get(point, ()))
        stack += [(child, indent + ("    " if last else "│   "), i == 0) for i, child in enumerate(below)]
