"""Tiles: the figures of all machines together, each with its last two minutes as a line and as table rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from .looks import Look, hosted

__all__ = ["Minute", "Tile", "minutes", "tiles"]

_STEPS: Final = 60
_IN_ROW: Final = 5
"""Steps of the history in one table row."""
_SUMS: Final = 4
"""The number of counters: waves, failures, refusals, crossings. They are followed by particles, which is a level."""


@attrs.frozen
class Tile:
    """A figure with its history.

    Attributes:
        points: points of the line, for an SVG of 132 by 30; empty if there is no history.
    """

    title: str
    value: str
    unit: str
    points: str = ""
    tone: str = ""


@attrs.frozen
class Minute:
    """A few seconds of the history, as a table row."""

    ago: float
    waves: float
    failed: float
    refused: float
    crossed: float
    particles: float


def tiles(look: Look, stars: Sequence[Mapping[str, Any]]) -> list[Tile]:
    """The figures.

    Args:
        look: the reports of the machines.
        stars: stars of the Hyperverse.
    """
    steps = _history(look)
    waves, failed, refused, crossed, particles = ([step[place] for step in steps] for place in range(_SUMS + 1))
    rate = sum(look.rate(name, "waves") for name in look.machines)
    home = {row["star"]: row["machine"] for row in stars}
    pairs = look.pairs()
    crossing = sum(each for (a, b), each in pairs.items() if home.get(a) != home.get(b))
    every = sum(pairs.values())
    share = [100 * f / max(w, f) if f else 0.0 for w, f in zip(waves, failed, strict=True)]
    over = [100 * c / w if w else 0.0 for w, c in zip(waves, crossed, strict=True)]
    lost = 100 * sum(failed) / max(1, sum(waves), sum(failed))
    live = sum(map(hosted, stars))
    span = "in 2 min"
    shown = f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.1f}"
    return [
        Tile("Waves handled", shown, "/s", _line(waves)),
        Tile("Failed", _percent(lost), f"% {span}", _line(share), "warn" if sum(failed) else ""),
        Tile("Refused", f"{sum(refused):,.0f}", span, _line(refused), "warn" if sum(refused) else ""),
        Tile("Particles", f"{live:,}", "in memory", _line(particles)),
        Tile(
            "Crossed to another machine", f"{100 * crossing / every:.0f}" if every else "0", "% of waves", _line(over)
        ),
    ]


def minutes(look: Look) -> list[Minute]:
    """The history as table rows, the newest first."""
    steps = _history(look)
    step = max((machine["step"] for machine in look.machines.values()), default=2.0)
    rows = []
    for end in range(len(steps), 0, -_IN_ROW):
        part = steps[max(0, end - _IN_ROW) : end]
        waves, failed, refused, crossed = (sum(each[place] for each in part) for place in range(_SUMS))
        seconds = step * len(part)
        share = 100 * crossed / waves if waves else 0.0
        rows.append(Minute(step * (len(steps) - end), waves / seconds, failed, refused, share, part[-1][_SUMS]))
    return rows


def _history(look: Look) -> list[list[float]]:
    """The last two minutes of all machines together, the oldest step first: waves, failures, refusals, crossings,
    particles."""
    steps = [[0.0] * (_SUMS + 1) for _ in range(_STEPS)]
    for machine in look.machines.values():
        held = [0.0] * _STEPS
        for ago, *counts in machine["history"]:
            number = _STEPS - 1 - int(ago // machine["step"])
            if 0 <= number < _STEPS:
                for place, value in enumerate(counts[:_SUMS]):
                    steps[number][place] += value
                held[number] = counts[_SUMS]  # two entries of one step count the same particles
        for number, value in enumerate(_filled(held)):
            steps[number][_SUMS] += value
    return steps


def _filled(held: Sequence[float]) -> list[float]:
    """A step without an entry has as many particles as the step before it."""
    filled: list[float] = []
    for value in held:
        filled.append(value or (filled[-1] if filled else 0.0))
    return filled


def _percent(share: float) -> str:
    """A share in percent, with two digits, never in scientific notation."""
    return f"{share:.0f}" if share >= 10 or not share else f"{max(share, 0.01):.2g}"


def _line(values: Sequence[float]) -> str:
    """The points of a line in a box of 132 by 30. The newest step is left out, because it is not over yet."""
    shown = values[:-1]
    most = max(shown, default=0.0) or 1.0
    width = 132 / max(1, len(shown) - 1)
    return " ".join(f"{number * width:.1f},{28 - 26 * value / most:.1f}" for number, value in enumerate(shown))
