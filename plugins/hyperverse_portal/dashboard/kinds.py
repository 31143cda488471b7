"""Kinds and plugins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from .questions import Failed, Questions
from .rendering import page

__all__ = ["show_kinds"]


async def show_kinds(query: Mapping[str, str], asking: Questions) -> str:
    """The Kinds with their drivers, and the plugins; with ``kind`` what is known of that one."""
    name = query.get("kind", "")
    kinds, status = await asyncio.gather(
        asking.part(asking.machine("Ext<Kinds>")), asking.part(asking.machine("Ext<Status>"))
    )
    if isinstance(kinds, Failed) or isinstance(status, Failed):
        return page("closed.html", at="kinds", agent=asking.agent, failed=kinds)
    one = await asking.part(asking.machine("Ext<Kind>", {"kind": name})) if name else None
    drivers = {row["kind"]: row for row in status["drivers"]}
    return page(
        "kinds.html",
        at="kinds",
        agent=asking.agent,
        machine=status["machine"],
        kinds=[{**row, "status": drivers.get(row["kind"])} for row in kinds],
        plugins=status["plugins"],
        notes=status["notes"],
        one=None if isinstance(one, Failed) else one,
        next_try=_next_try(one),
        failed=one if isinstance(one, Failed) else None,
    )


def _next_try(one: Any) -> float | None:
    """In how many seconds the driver of a Kind is started again; None when it is not."""
    again = one.get("again") if isinstance(one, Mapping) else None
    return None if again is None else max(0.0, again - time.time())
