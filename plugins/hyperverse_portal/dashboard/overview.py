"""Overview: the map, the figures, and what needs attention."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs

from hyperverse_core.gateway import Session

from ..http import HttpRequest
from .attention import cards, stuck_particles, uneven
from .looks import Look, Looks
from .questions import Failed, Questions
from .rendering import page
from .star_map import star_map
from .tiles import minutes, tiles

__all__ = ["Overview"]

_OFTEN: Final = 10.0
"""Seconds for which what is stuck is not looked for again: that reads particles, the rest reads memory."""

_SELDOM: Final = 60.0
"""Seconds for which the plan of moves is not asked for again: that reads where every particle lives."""
_PLANNED: Final = 20_000
"""Particles above which the plan is made on its own page only."""
_WAVES: Final = 12


@attrs.frozen
class _Method:
    kind: str
    method: str
    count: int
    failed: int
    mean: float
    slowest: float
    share: float


class Overview:
    """The first page.

    Args:
        looks: of the sessions.
    """

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._plans: WeakKeyDictionary[Session, tuple[float, list[dict[str, Any]]]] = WeakKeyDictionary()
        self._stuck: WeakKeyDictionary[Session, tuple[float, list[dict[str, Any]]]] = WeakKeyDictionary()

    async def show(self, request: HttpRequest, asking: Questions) -> str:
        """The page. Raises HyperverseError when the agent may not even see the state of the machine."""
        status, stars, look, noted = await asyncio.gather(
            asking.part(asking.machine("Ext<Status>")),
            asking.part(asking.machine("Ext<Stars>")),
            asking.part(self._looks.look(asking)),
            asking.part(asking.machine("Ext<Waves>", {"limit": _WAVES})),
        )
        if isinstance(status, Failed) or isinstance(stars, Failed):
            return page("closed.html", at="overview", agent=asking.agent, failed=status)
        stuck = await self._doubtful(asking)
        seen = None if isinstance(look, Failed) else look
        notes = {} if seen is None else {name: _note(seen, name) for name in seen.machines}
        machines = sorted({row["machine"] for row in stars})
        silent = set() if seen is None else seen.silent.keys() & set(machines)
        made = [*cards(status, seen, stuck), *uneven(await self._plan(asking, stars))]
        return page(
            "overview.html",
            at="overview",
            agent=asking.agent,
            machine=status["machine"],
            machines=len(machines),
            serving=len(machines) - len(silent),
            bad=sum(card.tone == "bad" for card in made),
            map=star_map(stars, seen, notes),
            tiles=tiles(seen, stars) if seen else [],
            minutes=minutes(seen) if seen else [],
            waves=[] if isinstance(noted, Failed) else noted["waves"],
            one_in=1 if isinstance(noted, Failed) else noted["one_in"],
            now=time.time(),
            failed=look if isinstance(look, Failed) else None,
            cards=made,
            methods=_methods(seen) if seen else [],
            counted_for=min((m["counted_for"] for m in seen.machines.values()), default=0.0) if seen else 0.0,
        )

    async def _doubtful(self, asking: Questions) -> list[dict[str, Any]]:
        at, known = self._stuck.get(asking.session, (0.0, []))
        now = time.monotonic()
        if not at or now - at > _OFTEN:
            kinds = await asking.part(asking.machine("Ext<Kinds>"))
            known = await stuck_particles(asking, None if isinstance(kinds, Failed) else kinds)
            self._stuck[asking.session] = (now, known)
        return known

    async def _plan(self, asking: Questions, stars: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The moves that would even out the load; none for whom the policy does not let see them."""
        at, known = self._plans.get(asking.session, (0.0, []))
        now = time.monotonic()
        if (not at or now - at > _SELDOM) and sum(star["particles"] for star in stars) <= _PLANNED:
            found = await asking.part(asking.machine("Ext<Rebalance>"))
            known = [] if isinstance(found, Failed) else found["moves"]
            self._plans[asking.session] = (now, known)
        return known


def _note(look: Look, name: str) -> str:
    """A line of a machine: waves a second, its share of a core, memory."""
    machine, cpu = look.machines[name], look.cpu(name)
    parts = [f"{look.rate(name, 'waves'):.0f}/s"]
    parts += [] if cpu is None else [f"{cpu * 100:.0f} %"]
    parts += [f"{machine['memory'] / 2**20:.0f} MiB"] if machine["memory"] else []
    return " · ".join(parts)


def _methods(look: Look) -> list[_Method]:
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for machine in look.machines.values():
        for row in machine["methods"]:
            rows.setdefault((row["kind"], row["method"]), []).append(row)
    counts = {key: sum(row["count"] for row in each) for key, each in rows.items()}
    most = max(counts.values(), default=1)
    made = [
        _Method(
            *key,
            counts[key],
            sum(row["failed"] for row in each),
            sum(row["mean"] * row["count"] for row in each) / max(1, counts[key]),
            max(row["slowest"] for row in each),
            100 * counts[key] / most,
        )
        for key, each in rows.items()
    ]
    return sorted(made, key=lambda row: row.count, reverse=True)[:12]
