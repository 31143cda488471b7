"""When the callers of one query go on, so that this process and the server work at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["take_turns"]

_T = TypeVar("_T")
_FEW: Final = 16
"""So few callers are answered together: a second query would cost more than it saves."""


def take_turns(callers: list[_T], answer: Callable[[list[_T]], None], *, others_wait: bool, halve: bool = True) -> None:
    """Answers callers.

    Args:
        callers: those of a query that has been answered.
        answer: answers some of them.
        others_wait: whether the next query is sent as soon as this returns. Then the callers are answered while the
            server works.
        halve: whether to answer half of the callers first, where all of them wait for one query. Their next query is
            then sent before the other half goes on. If all went on at once, the server would be idle while they run,
            and they would be idle while the server works.
    """
    loop = asyncio.get_running_loop()
    if others_wait:
        loop.call_soon(answer, callers)
        return
    half = len(callers) // 2 if halve and len(callers) > _FEW else len(callers)
    answer(callers[:half])
    if callers[half:]:
        loop.call_soon(answer, callers[half:])
