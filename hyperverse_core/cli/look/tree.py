"""``hyperverse tree`` and ``hyperverse ls``: the particles below a point."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from ...errors import NotFound
from ...universe.address.alike import like
from ...universe.address.point import ROOT, Point
from ...universe.address.segment import SegmentKind
from ...universe.selectors.below import below, children_of
from ..talk.connection import talk
from ..talk.pages import select
from ..terminal.options import common, options
from ..terminal.output import on_terminal, print_json, table
from ..terminal.shown import shown

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["ls", "tree"]

_PLATFORM: Final = Point.parse("hyperspace")
_SHOWS_ALL: Final = "`hyperverse tree` shows what there is"


def _point(text: str | None) -> Point:
    """Parses the point that the user gave; returns ROOT if there is none. Raises ParseError."""
    return Point.parse(text) if text and text != ROOT.text else ROOT


@click.command()
@click.argument("point", required=False)
@common
def ls(point: str | None) -> None:
    """List the children of POINT; without POINT, those of the root."""
    parent = _point(point)

    async def children(client: Client) -> list[dict[str, Any]]:
        if not parent.is_root:
            await _itself(client, parent)
        selector = children_of(parent)
        return [stub async for stub in select(client, selector)] if selector else []

    found = talk(children)
    if options().json:
        print_json(found)
    elif found:
        table(("point", "kind", "status"), [(s["point"], s["kind"], s["status"]) for s in found])


async def _itself(client: Client, point: Point) -> dict[str, Any]:
    """Returns the row of a particle. Raises NotFound, with similar names of its siblings as a hint."""
    async for stub in select(client, str(point)):
        return stub
    beside: list[Point] = []
    if point.parent is not None and (selector := children_of(point.parent)):
        beside = [Point.parse(stub["point"]) async for stub in select(client, selector)]
    near = like(point, beside)
    raise NotFound(f"no particle {str(point)!r}", hint=f"{near} {_SHOWS_ALL}" if near else _SHOWS_ALL)


@click.command()
@click.argument("point", required=False)
@click.option("--all", "-a", "everything", is_flag=True, help="Do not fold the platform's own space and bundles.")
@common
def tree(point: str | None, everything: bool) -> None:
    """Show POINT and everything below it; without POINT, everything.

    The platform's own space and the files of each bundle are folded into one line. Use --all or name their POINT to
    show them.
    """
    top = _point(point)

    async def found_below(client: Client) -> list[dict[str, Any]]:
        if top.is_root:
            return [stub async for stub in select(client, "+**")]
        itself, selector = await _itself(client, top), below(top)
        return [itself, *[stub async for stub in select(client, selector)]] if selector else [itself]

    found = talk(found_below)
    if options().json:
        print_json(found)
        return
    _draw(top, found, everything)


def _draw(top: Point, found: list[dict[str, Any]], everything: bool) -> None:
    kinds = {Point.parse(stub["point"]): stub["kind"] for stub in found}
    children: dict[Point, list[Point]] = {}
    folded: dict[Point, int] = {}
    for point in kinds:
        fold = None if everything else _folded_into(point, top, kinds)
        if fold is not None:
            folded[fold] = folded.get(fold, 0) + 1
            continue
        above = point.parent
        while above is not None and above not in kinds and above != top:  # the user may not see that parent
            above = above.parent
        if above is not None and point != top:
            children.setdefault(above, []).append(point)

    def behind(point: Point) -> str:
        return f"  ({folded[point]} below: hyperverse tree {point})" if point in folded else ""

    if on_terminal():
        _draw_rich(top, kinds, children, behind)
        return
    print(f"{top}<{kinds[top]}>" if top in kinds else str(top))
    stack = [(child, "", i == 0) for i, child in enumerate(reversed(children.get(top, ())))]
    while stack:  # no recursion: a tree may be deeper than the stack of Python
        point, indent, last = stack.pop()
        print(f"{indent}{'└── ' if last else '├── '}{point.name}<{kinds[point]}>{behind(point)}")
        inside = reversed(children.get(point, ()))
        stack += [(child, indent + ("    " if last else "│   "), i == 0) for i, child in enumerate(inside)]


def _folded_into(point: Point, top: Point, kinds: Mapping[Point, str]) -> Point | None:
    """Returns the particle in whose line ``point`` is counted: the outermost one above it that is folded."""
    found = None
    for above in point.ancestors():
        if above == top:
            break
        if above in kinds and (above == _PLATFORM or above.segments[-1].kind is SegmentKind.VERSION):
            found = above
    return found


def _draw_rich(
    top: Point, kinds: Mapping[Point, str], children: Mapping[Point, list[Point]], behind: Callable[[Point], str]
) -> None:
    """Draws the tree with rich, which wraps lines that are too wide for the terminal."""
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    def label(point: Point, name: str) -> Text:
        kind = f"<{kinds[point]}>" if point in kinds else ""
        return Text.assemble(shown(name), (kind, "cyan"), (behind(point), "dim"))

    drawn = Tree(label(top, str(top)), guide_style="dim", highlight=False)
    stack = [(top, drawn)]
    while stack:  # no recursion, as above; rich also draws without it
        point, branch = stack.pop()
        stack += [(child, branch.add(label(child, child.name))) for child in children.get(point, ())]
    Console(file=sys.stdout, highlight=False).print(drawn)
