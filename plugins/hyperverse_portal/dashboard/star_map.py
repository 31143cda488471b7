"""The map: positions of machines, their stars and the lines between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from .looks import Look

__all__ = ["BoxedMachine", "Lane", "StarMap", "star_map"]

_WIDTH, _HEIGHT, _RING, _MARGIN = 244, 208, 66, 12
_MOST: Final = 8
"""Greatest number of machines on the map; the table lists all of them."""
_HUES: Final = 6


@attrs.frozen
class StarDot:
    """A star: a dot of the ring."""

    name: str
    label: str
    x: float
    y: float
    particles: int
    rate: float
    glow: float
    """Its brightness, from 0.7 to 1."""


@attrs.frozen
class BoxedMachine:
    """A machine: a box with a ring of stars."""

    name: str
    hue: int
    x: float
    y: float
    cx: float
    cy: float
    state: str
    note: str
    stars: tuple[StarDot, ...]


@attrs.frozen
class Lane:
    """The line between two machines, with the traffic in both directions."""

    first: str
    second: str
    x1: float
    y1: float
    x2: float
    y2: float
    rate: float
    width: float
    size: float
    """Bytes per second."""
    cause: str
    """Why the lane is down; empty while it is up."""

    @property
    def middle(self) -> tuple[float, float]:
        """The position of its number."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2


@attrs.frozen
class StarMap:
    """Everything that is drawn, and its size."""

    width: float
    height: float
    machines: tuple[BoxedMachine, ...]
    lanes: tuple[Lane, ...]
    left_out: int


def star_map(stars: Sequence[Mapping[str, Any]], look: Look | None, notes: Mapping[str, str]) -> StarMap:
    """The map of a Hyperverse.

    Args:
        stars: the stars, as the machine lists them.
        look: the figures; None if the agent may not see them.
        notes: a line for each machine, such as its load.
    """
    every = sorted({row["machine"] for row in stars})
    names = every[:_MOST]
    by_star = look.pairs() if look else {}
    delivered: dict[str, float] = {}
    for (_, star), rate in by_star.items():
        delivered[star] = delivered.get(star, 0.0) + rate
    most = max(delivered.values(), default=0.0)
    centres = list(_centres(len(names)))
    left = min((x for x, _ in centres), default=0) - _WIDTH / 2 - _MARGIN
    top = min((y for _, y in centres), default=0) - _HEIGHT / 2 - _MARGIN
    right = max((x for x, _ in centres), default=0) + _WIDTH / 2 + _MARGIN
    bottom = max((y for _, y in centres), default=0) + _HEIGHT / 2 + _MARGIN
    boxes = []
    for number, (name, (x, y)) in enumerate(zip(names, centres, strict=True)):
        cx, cy = x - left, y - top
        own = [row for row in stars if row["machine"] == name]
        silent = look is not None and name in look.silent
        state = "silent" if silent else "draining" if any(row["draining"] for row in own) else "up"
        dots = tuple(_dots(own, cx, cy + 10, delivered, most))
        box = BoxedMachine(
            name, number % _HUES, cx - _WIDTH / 2, cy - _HEIGHT / 2, cx, cy + 10, state, notes.get(name, ""), dots
        )
        boxes.append(box)
    lanes = tuple(_lanes(boxes, stars, by_star, look))
    return StarMap(right - left, bottom - top, tuple(boxes), lanes, len(every) - len(names))


def _centres(count: int) -> Iterator[tuple[float, float]]:
    """Positions of the boxes: one or two stand side by side, more stand on an ellipse, the first on top."""
    if count < 3:
        yield from ((number * (_WIDTH + 150.0), 0.0) for number in range(count))
        return
    across, down = 62 * count + 84, 44 * count + 40
    for number in range(count):
        angle = 2 * math.pi * number / count - math.pi / 2
        yield across * math.cos(angle), down * math.sin(angle)


def _dots(
    stars: Sequence[Mapping[str, Any]], cx: float, cy: float, delivered: Mapping[str, float], most: float
) -> Iterator[StarDot]:
    """The stars of one machine as a ring. The machine's own star is the centre, so it is left out."""
    ring = [row for row in stars if row["kind"] not in ("Machine", "Nexus")]
    for number, row in enumerate(ring):
        angle = 2 * math.pi * number / max(1, len(ring)) - math.pi / 2
        rate = delivered.get(row["star"], 0.0)
        glow = 0.7 + 0.3 * (rate / most if most else 0.0)
        label = row["star"].rpartition(":")[2].partition("[")[0]
        x, y = cx + 1.2 * _RING * math.cos(angle), cy + 0.86 * _RING * math.sin(angle)
        yield StarDot(row["star"], label, x, y, max(0, row["particles"] - 1), rate, glow)


def _lanes(
    boxes: Sequence[BoxedMachine],
    stars: Sequence[Mapping[str, Any]],
    by_star: Mapping[tuple[str, str], float],
    look: Look | None,
) -> Iterator[Lane]:
    home = {row["star"]: row["machine"] for row in stars}
    between: dict[frozenset[str], float] = {}
    for (origin, star), rate in by_star.items():
        ends = frozenset((home.get(origin, ""), home.get(star, "")))
        between[ends] = between.get(ends, 0.0) + rate
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            rate = between.get(frozenset((one.name, other.name)), 0.0)
            x1, y1, x2, y2 = _outside(one, other)
            cause = _cause(look, one.name, other.name)
            width = min(7.0, 1.5 + math.log10(1 + rate) * 1.8)
            yield Lane(one.name, other.name, x1, y1, x2, y2, rate, width, _size(look, one.name, other.name), cause)


def _outside(one: BoxedMachine, other: BoxedMachine) -> tuple[float, float, float, float]:
    """The part of a line that is outside both boxes, so that its middle is between them."""
    ax, ay, bx, by = one.cx, one.cy - 10, other.cx, other.cy - 10
    dx, dy = bx - ax, by - ay
    cut = min(_WIDTH / 2 / abs(dx) if dx else math.inf, _HEIGHT / 2 / abs(dy) if dy else math.inf, 0.45)
    return ax + dx * cut, ay + dy * cut, bx - dx * cut, by - dy * cut


def _size(look: Look | None, one: str, other: str) -> float:
    """Bytes per second in both directions, as counted by one of the two machines."""
    for name, peer in ((one, other), (other, one)):
        if look is not None and name in look.machines:
            return look.carried(name, peer, "bytes_out") + look.carried(name, peer, "bytes_in")
    return 0.0


def _cause(look: Look | None, one: str, other: str) -> str:
    for name, peer in ((one, other), (other, one)):
        rows = look.machines.get(name, {}).get("lanes", ()) if look else ()
        for row in rows:
            if row["machine"] == peer and row["state"] != "up":
                return str(row["cause"]) or "down"
    return ""
