"""Particles: the tree, page by page, and search results."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from hyperverse_core.errors import HyperverseError, ParseError
from hyperverse_core.values import Point

from .questions import ROWS, Failed, Questions
from .rendering import page

__all__ = ["show_particles"]

_SCANNED: Final = 5
"""Greatest number of pages of 1,000 particles that a search for a word reads."""


async def show_particles(query: Mapping[str, str], asking: Questions) -> str:
    """Returns the page with the children of ``under``, or with what ``q`` finds."""
    word, under, after = query.get("q", "").strip(), query.get("under", ""), query.get("after", "")
    if word:
        found, note, more = await _search(word, after, asking)
    else:
        selector = f"{under}:*" if under else "*"
        listed = await asking.part(asking.page(selector, after))
        found, note, more = (listed, "", "") if isinstance(listed, Failed) else (listed[0], "", listed[1])
    granted = await _granted(asking) if isinstance(found, Failed) and not word and not under else []
    return page(
        "particles.html",
        granted=granted,
        at="particles",
        agent=asking.agent,
        q=word,
        under=under,
        above=_above(under),
        rows=[] if isinstance(found, Failed) else found,
        failed=found if isinstance(found, Failed) else None,
        note=note,
        more=more,
        after=after,
        limit=ROWS,
    )


async def _granted(asking: Questions) -> list[str]:
    """The points in the grants of an agent that may not see the top of the tree."""
    grants = await asking.part(asking.command("grants"))
    points: dict[str, None] = {}
    for row in [] if isinstance(grants, Failed) else grants:
        with contextlib.suppress(ParseError):  # it is a pattern
            if row["to"] == asking.agent:
                points[Point.parse(row["on"]).text] = None
    return list(points)[:ROWS]


def _above(under: str) -> list[tuple[str, str]]:
    """The point and the name of each particle on the path to a particle."""
    parts = under.split(":") if under else []
    return [(":".join(parts[: number + 1]), part) for number, part in enumerate(parts)]


async def _search(word: str, after: str, asking: Questions) -> tuple[Any, str, str]:
    """The matches, a note on how they were found, and the start of the next page."""
    if word[0].isupper() and all(c.isalnum() for c in word):
        return await _selected(f"**<{word}>", f"particles of Kind {word}", after, asking)
    if any(c in "*+<" for c in word):
        return await _selected(word, f"particles that match the selector {word}", after, asking)
    try:
        point = Point.parse(word).text
        found = await asking.page(f"{point}+:**", after)
        if found[0]:
            return found[0], f"{point} and everything below it", found[1]
    except (ParseError, HyperverseError):
        pass  # it is not the point of a particle, so it is treated as part of one
    return await _containing(word.lower(), asking)


async def _selected(selector: str, note: str, after: str, asking: Questions) -> tuple[Any, str, str]:
    found = await asking.part(asking.page(selector, after))
    return (found, note, "") if isinstance(found, Failed) else (found[0], note, found[1])


async def _containing(word: str, asking: Questions) -> tuple[Any, str, str]:
    rows: list[dict[str, Any]] = []
    after, seen = "", 0
    for _ in range(_SCANNED):
        found = await asking.part(asking.select("**", after))
        if isinstance(found, Failed):
            return found, "", ""
        seen += len(found["items"])
        rows += [row for row in found["items"] if word in row["point"]]
        after = found["after"] or ""
        if not after or len(rows) >= ROWS:
            break
    rest = "" if not after else f"; only the first {seen:,} particles were searched"
    return rows[:ROWS], f"particles with {word!r} in their point{rest}", ""
