"""Log: the latest lines of all machines."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from .questions import ROWS, Failed, Questions
from .rendering import page

__all__ = ["LEVELS", "show_log"]

LEVELS: Final = ("debug", "info", "warning", "error")


async def show_log(query: Mapping[str, str], asking: Questions) -> str:
    """Returns the page: the lines of ``level`` and above; with ``point`` those about one particle, with ``word`` those
    that contain it."""
    level, point, word = query.get("level", "info"), query.get("point", "").strip(), query.get("word", "").strip()
    level = level if level in LEVELS else "info"
    # A word is searched in all lines that machines keep, not only in the newest ones.
    body = {"level": level, "point": point, "limit": 1000 if word else ROWS}
    found = await asking.part(asking.machine("Ext<Log>", body))
    refused = isinstance(found, Failed)
    lines = [] if refused else found["lines"]
    if word:
        parts = ("text", "logger", "plugin", "machine", "traceback")
        lines = [line for line in lines if any(word.lower() in line[part].lower() for part in parts)]
    return page(
        "log.html",
        at="log",
        agent=asking.agent,
        failed=found if refused else None,
        silent=[] if refused else found["silent"],
        lines=lines[:ROWS],
        levels=LEVELS,
        level=level,
        point=point,
        word=word,
        now=time.time(),
    )
