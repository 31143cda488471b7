"""Leaving: how a particle comes to rest before it goes, while waves still reach for it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ...errors import Unavailable
from ...scheduling.cancellation import is_cancelled
from .context import Context

if TYPE_CHECKING:
    from .active import Active

__all__ = ["bring_to_rest", "stop"]

_log = logging.getLogger("hyperverse.particle")
_GLANCE = 0.005


async def bring_to_rest(live: Active, grace: float) -> bool | None:
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


async def stop(live: Active, grace: float) -> None:
    """Ends its work and calls ``on_stop``; the turn must be ours. It takes no waves afterwards.

    Args:
        grace: seconds that each may take.
    """
    was_ready, live.ready = live.ready, False
    if live.work is not None:
        await live.work.end(grace)
    if was_ready and live.particle is not None:
        try:
            async with asyncio.timeout(grace):
                await live.particle.on_stop(Context.own(live))
        except (Exception, asyncio.CancelledError):
            if is_cancelled():
                raise
            _log.exception("on_stop failed", extra={"point": live.text})
    live.gone = True
    if live.work is not None:
        await live.work.end(grace)  # what on_stop has begun
    live.particle = None
