"""Access: why an agent may do something or not, who may use a particle, and the grants."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from hyperverse_core.errors import BadRequest, ParseError
from hyperverse_core.values import Point

from .questions import Failed, Questions
from .rendering import page

__all__ = ["show_access"]

_SHOWN: Final = 200


async def show_access(query: Mapping[str, str], asking: Questions) -> str:
    """The page: with ``point`` what ``agent`` may do there by ``method``, and who may do what."""
    agent = query.get("agent", "").strip() or asking.agent
    point, method = query.get("point", "").strip(), query.get("method", "").strip()
    wrong, answer, holders = "", None, None
    try:
        for text in (agent, point) if point else ():
            Point.parse(text)
        if not all(c.isalnum() or c in "<>" for c in method):
            raise BadRequest(f"{method[:100]!r} is no method: one is written Ext<Add>")
    except (ParseError, BadRequest) as exc:
        wrong = exc.message
    if point and not wrong:
        answer, holders = await asyncio.gather(
            asking.part(asking.command(f"explain {agent} on {point} {method}".strip())),
            asking.part(asking.command(f"access {point}")),
        )
    grants = await asking.part(asking.command("grants"))
    return page(
        "access.html",
        at="access",
        agent=asking.agent,
        asked=agent,
        point=point,
        method=method,
        wrong=wrong,
        answer=answer,
        holders=holders,
        grants=grants if isinstance(grants, Failed) else grants[:_SHOWN],
        more=0 if isinstance(grants, Failed) else max(0, len(grants) - _SHOWN),
    )
