"""Waves: every failure and a sample of the others, and one wave with its hops."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, Final

from hyperverse_core.errors import NotFound

from .questions import ROWS, Failed, Questions
from .rendering import page

__all__ = ["is_noted", "show_waves"]

_ID: Final = re.compile(r"[\w.~/#-]{6,100}")
"""Matches the id of a wave or of a trace."""


async def is_noted(word: str, asking: Questions) -> bool:
    """Whether a search word is the id of a wave or a trace that a machine has recorded."""
    if not _ID.fullmatch(word) or not any(c.isdigit() for c in word):
        return False
    found = await asking.part(asking.machine("Ext<Waves>", {"wave": word, "limit": 1}))
    return not isinstance(found, Failed) and bool(found["waves"])


async def show_waves(query: Mapping[str, str], asking: Questions) -> str:
    """Returns the page of the latest waves; with ``id`` that of one wave or one trace.

    Raises:
        NotFound: no machine has recorded a wave with that id.
    """
    one = query.get("id", "").strip()
    if one:
        return await _one(one, asking)
    failed, point = query.get("failed", "") != "", query.get("point", "").strip()
    body = {"limit": ROWS, "failed": failed, "point": point}
    found = await asking.part(asking.machine("Ext<Waves>", body))
    refused = isinstance(found, Failed)
    return page(
        "waves.html",
        at="waves",
        agent=asking.agent,
        failed=found if refused else None,
        found=None if refused else found,
        rows=[] if refused else found["waves"],
        only_failed=failed,
        point=point,
        now=time.time(),
    )


async def _one(wave: str, asking: Questions) -> str:
    found = await asking.part(asking.machine("Ext<Waves>", {"wave": wave, "limit": ROWS}))
    if isinstance(found, Failed):
        return page("closed.html", at="waves", agent=asking.agent, failed=found)
    rows: list[dict[str, Any]] = found["waves"]
    if not rows:
        raise NotFound(
            f"no machine has recorded a wave  {wave[:100]!r}",
            hint="failures and a sample of the other waves are recorded while somebody looks; only the latest are kept",
        )
    exact = [row for row in rows if row["wave"] == wave]
    trace = exact[0]["trace"] if exact else wave
    others: list[dict[str, Any]] = [row for row in rows if row not in exact]
    if exact and trace:
        whole = await asking.part(asking.machine("Ext<Waves>", {"wave": trace, "limit": ROWS}))
        others = [] if isinstance(whole, Failed) else [row for row in whole["waves"] if row["wave"] != wave]
    shown = exact or rows[-1:]
    return page(
        "wave.html",
        at="waves",
        agent=asking.agent,
        wave=shown[0],
        trace=trace,
        others=[row for row in others if row not in shown][:ROWS],
        silent=found["silent"],
        now=time.time(),
    )
