"""Balance: which particles would have to move to give every star its share, and a button that moves them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

from hyperverse_core.errors import BadRequest

from .questions import ROWS, Failed, Questions
from .rendering import page

__all__ = ["act_on_balance", "show_balance"]

_REBALANCE: Final = "Ext<Rebalance>"


async def show_balance(asking: Questions, done: dict[str, Any] | None = None) -> str:
    """Returns the page with the plan.

    Args:
        asking: asks on behalf of the reader.
        done: the plan that was just carried out.
    """
    plan, stars, may = await asyncio.gather(
        asking.part(asking.machine(_REBALANCE)), asking.part(asking.machine("Ext<Stars>")), asking.allowed(_REBALANCE)
    )
    refused = isinstance(plan, Failed)
    moves: list[dict[str, Any]] = [] if refused else plan["moves"]
    return page(
        "balance.html",
        at="balance",
        agent=asking.agent,
        failed=plan if refused else None,
        moves=moves[:ROWS],
        count=len(moves),
        stars=[] if isinstance(stars, Failed) else _loads(stars, moves)[:ROWS],
        may=may[_REBALANCE],
        done=done,
    )


async def act_on_balance(form: dict[str, str], asking: Questions) -> str:
    """Carries out the plan and returns the page. Raises HyperverseError, such as Forbidden."""
    if form.get("act") != "apply":
        raise BadRequest(f"unknown action {form.get('act', '')[:100]!r}", hint="the only action is apply")
    return await show_balance(asking, await asking.machine(_REBALANCE, {"apply": True}))


def _loads(stars: list[dict[str, Any]], moves: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The number of particles of each star, now and after the moves; only stars that host particles."""
    leave, come = Counter(move["from"] for move in moves), Counter(move["to"] for move in moves)
    rows = [
        {
            "star": star["star"],
            "machine": star["machine"],
            "now": max(0, star["particles"] - 1),
            "after": max(0, star["particles"] - 1 - leave[star["star"]] + come[star["star"]]),
        }
        for star in stars
        if star["kind"] not in ("Machine", "Nexus") or leave[star["star"]] or come[star["star"]]
    ]
    most = max((max(row["now"], row["after"]) for row in rows), default=0) or 1
    return [{**row, "share": 100 * row["now"] / most, "then": 100 * row["after"] / most} for row in rows]
