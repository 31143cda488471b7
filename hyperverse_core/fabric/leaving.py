"""Leaving: how a particle comes to rest before it goes, while waves still reach for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import Unavailable

if TYPE_CHECKING:
    from .live import Live

__all__ = ["bring_to_rest"]

_GLANCE = 0.005


async def bring_to_rest(live: Live, grace: float) -> bool | None:
    """Takes the particle's turn, behind the waves that have it, and keeps it: nothing runs in it from then on.

    Args:
        grace: seconds that it may take.

    Returns:
        whether the particle had started; None when it did not come to rest, and everything is as before.
    """
    box = live.mailbox
    took = False
    ready = live.ready
    try:
        async with asyncio.timeout(grace):
            if box.busy:
                await box.turn()
            else:
                box.busy = True
            took = True
            ready, live.ready = live.ready, False  # a concurrent one begins no wave any more: they wait for the turn
            while live.running:  # noqa: ASYNC110 - an event would cost every wave of a concurrent particle
                await asyncio.sleep(_GLANCE)
        if not live.gone:
            return ready
    except (TimeoutError, Unavailable):
        if took:
            live.ready = ready and not live.cut
    if took:
        box.leave()
    return None
