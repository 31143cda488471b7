"""Access: why an agent may or may not do something, who may use a particle, and the grants."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from hyperverse_core.errors import BadRequest, ParseError
from hyperverse_core.values import Point

from .questions import Failed, Questions
from .rendering import page

__all__ = ["act_on_access", "show_access"]

_SHOWN: Final = 200
_GRANT: Final = re.compile(r"grant [^\n;]+ on [^\n;]+ to [^\n;]+")
"""Matches one grant command, as the policy proposes it."""


async def show_access(query: Mapping[str, str], asking: Questions, done: str = "") -> str:
    """Returns the page. With a ``point`` it shows whether ``agent`` may use ``method`` there, and who may do what.

    Args:
        query: holds ``point``, ``agent`` and ``method``.
        asking: asks on behalf of the reader.
        done: the grant that was just made.
    """
    agent = query.get("agent", "").strip() or asking.agent
    point, method = query.get("point", "").strip(), query.get("method", "").strip()
    wrong, answer, holders = "", None, None
    try:
        for text in (agent, point) if point else ():
            Point.parse(text)
        if not all(c.isalnum() or c in "<>" for c in method):
            raise BadRequest(f"{method[:100]!r} is not a method; write one such as Ext<Add>")
    except (ParseError, BadRequest) as exc:
        wrong = exc.message
    if point and not wrong:
        answer, holders = await asyncio.gather(
            asking.part(asking.command(f"explain {agent} on {point} {method}".strip())),
            asking.part(asking.command(f"access {point}")),
        )
    grants = await asking.part(asking.command("grants"))
    prepared = _GRANT.search(str(answer["hint"])) if isinstance(answer, Mapping) and answer["hint"] else None
    may = prepared is not None and (await asking.allowed("grant", on=point))["grant"]
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
        prepared=prepared[0] if prepared and may else "",
        done=done,
        grants=grants if isinstance(grants, Failed) else grants[:_SHOWN],
        more=0 if isinstance(grants, Failed) else max(0, len(grants) - _SHOWN),
    )


async def act_on_access(form: Mapping[str, str], asking: Questions) -> str:
    """Makes the grant in a form and returns the page. Raises HyperverseError, such as Forbidden."""
    words = form.get("grant", "").strip()
    if not _GRANT.fullmatch(words):
        raise BadRequest(
            f"{words[:200]!r} is not a grant",
            hint="such as: grant perm +csd-rwX on localhost:hits to hyperspace:users:ann",
        )
    await asking.command(words)
    return await show_access(form, asking, words)
