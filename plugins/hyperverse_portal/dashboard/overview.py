"""Overview: the map, the figures and what needs attention."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from ..api import MACHINE
from .attention import Card, cards, stuck_particles, uneven
from .kept import Kept
from .looks import Look, Looks
from .particles import show_particles
from .questions import Failed, Questions
from .rendering import page
from .star_map import star_map
from .tiles import minutes, tiles
from .tree import Branch, tree

__all__ = ["Overview"]

_OFTEN: Final = 10.0
"""Seconds between two searches for particles that cannot run. They read records; everything else reads memory."""

_SELDOM: Final = 60.0
"""Seconds for which the plan of moves is kept, because making one reads the place of every particle."""
_PLANNED: Final = 20_000
"""With more particles than this, the plan is made on its own page only."""
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
        looks: looks of the sessions.
    """

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._kept = Kept()

    async def show(self, asking: Questions, chosen: str = "") -> str:
        """The page.

        Args:
            asking: asks on behalf of the reader.
            chosen: the particle to show beside the tree; empty for one from the tree.
        """
        status, stars, look, noted = await asyncio.gather(
            asking.part(asking.machine("Ext<Status>")),
            asking.part(asking.machine("Ext<Stars>")),
            asking.part(self._looks.look(asking)),
            asking.part(asking.machine("Ext<Waves>", {"limit": _WAVES})),
        )
        if isinstance(status, Failed) or isinstance(stars, Failed):
            if asking.is_stranger:  # everybody starts here, even agents that may see only a few particles
                return await show_particles({}, asking)
            return page("closed.html", at="overview", agent=asking.agent, failed=status)
        stuck, old = await self._doubtful(asking)
        seen = None if isinstance(look, Failed) else look
        notes = {} if seen is None else {name: _note(seen, name) for name in seen.machines}
        machines = sorted({row["machine"] for row in stars})
        silent = set() if seen is None else seen.silent.keys() & set(machines)
        found = [*cards(status, seen, stuck, old), *uneven(*await self._plan(asking, stars))]
        made = await self._permitted(found, asking)
        branches, tree_old = await self._kept.aged(asking.session, "tree", _OFTEN, lambda: tree(asking))
        point = chosen or _first(branches)
        one = await self._one(point, asking)
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
            tree=branches,
            tree_old=tree_old,
            chosen=point,
            one=one,
            counted_for=min((m["counted_for"] for m in seen.machines.values()), default=0.0) if seen else 0.0,
        )

    async def _doubtful(self, asking: Questions) -> tuple[list[dict[str, Any]], float]:
        """Descriptions of particles that do not run, and their age in seconds."""

        async def ask() -> list[dict[str, Any]]:
            kinds = await asking.part(asking.machine("Ext<Kinds>"))
            return await stuck_particles(asking, None if isinstance(kinds, Failed) else kinds)

        return await self._kept.aged(asking.session, "stuck", _OFTEN, ask)

    async def _plan(self, asking: Questions, stars: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], float]:
        """The moves that would even out the load, and their age in seconds; none for agents that may not see them."""

        async def ask() -> list[dict[str, Any]]:
            found = await asking.part(asking.machine("Ext<Rebalance>"))
            return [] if isinstance(found, Failed) else list(found["moves"])

        if sum(star["particles"] for star in stars) > _PLANNED:
            return [], 0.0
        return await self._kept.aged(asking.session, "plan", _SELDOM, ask)

    async def _permitted(self, made: Sequence[Card], asking: Questions) -> list[Card]:
        """The cards, with the buttons that the reader may use."""

        async def may(method: str, on: str) -> bool:
            name = f"{method} {on}"
            found = await self._kept.get(asking.session, name, _OFTEN, lambda: asking.allowed(method, on=on))
            return bool(found[method])

        shown = []
        for card in made:
            driver = card.driver if card.driver and await may("Ext<StartDriver>", MACHINE) else ""
            cases = [attrs.evolve(case, grantable=await may("grant", case.point)) for case in card.cases]
            shown.append(attrs.evolve(card, driver=driver, cases=tuple(cases)))
        return shown

    async def _one(self, point: str, asking: Questions) -> dict[str, Any] | None:
        """The panel of one particle beside the tree."""
        if not point:
            return None
        about, state = await asyncio.gather(
            asking.part(asking.machine("Ext<Describe>", {"point": point})), asking.part(asking.command(f"get {point}"))
        )
        return {"failed": about} if isinstance(about, Failed) else {**about, "state": state}


def _first(branches: Sequence[Branch]) -> str:
    """The first particle of the tree that is in memory and has no children; otherwise the first one."""
    every = [*branches]
    for branch in every:  # the list grows during the loop: particles near the root come first
        if branch.status == "Ready" and not branch.below:
            return branch.point
        every += branch.below
    return every[0].point if every else ""


def _note(look: Look, name: str) -> str:
    """The line of a machine: waves per second, share of a core, memory."""
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
