"""Deactivation: how a particle comes to rest before it leaves, while waves still reach for it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ...errors import Unavailable
from ...scheduling.cancellation import is_cancelled
from .context import Context
from .state import State

if TYPE_CHECKING:
    from .active import Active

__all__ = ["bring_to_rest", "stop", "take_turn"]

_log = logging.getLogger("hyperverse.particle")
_GLANCE = 0.005


def take_turn(active: Active) -> State:
    """Takes the turn of a particle in which nothing is under way. Returns the state that it was in."""
    active.mailbox.busy = True  # nobody else gets a turn from here on,
    before, active.state = active.state, State.STOPPING  # and a concurrent one begins no wave beside
    return before


async def bring_to_rest(active: Active, grace: float) -> State | None:
    """Takes the particle's turn, behind the waves that have it, and keeps it: nothing runs in it from then on.

    Args:
        grace: seconds that it may take.

    Returns:
        the state that it was in; None when it did not come to rest, and everything is as before.
    """
    box = active.mailbox
    took = False
    before = active.state
    try:
        async with asyncio.timeout(grace):
            if box.busy:
                await box.turn()
            else:
                box.busy = True
            took = True
            before = active.state
            if before is not State.GONE:
                active.state = State.STOPPING  # a concurrent one begins no wave any more: they wait for the turn
            while active.running:  # noqa: ASYNC110 - an event would cost every wave of a concurrent particle
                await asyncio.sleep(_GLANCE)
        if not active.gone:
            return before
    except (TimeoutError, Unavailable):
        if took and active.state is State.STOPPING:  # else a handler was cut off meanwhile, or it has left
            active.state = before
    if took:
        box.leave()
    return None


async def stop(active: Active, before: State, grace: float) -> None:
    """Ends its tasks and calls ``on_stop`` when it was ready; the turn must be ours. It is gone afterwards.

    Args:
        before: the state that it was in when its turn was taken.
        grace: seconds that each step may take.
    """
    if active.background is not None:
        await active.background.end(grace)
    if before is State.READY and active.particle is not None:
        try:
            async with asyncio.timeout(grace):
                await active.particle.on_stop(Context.own(active))
        except (Exception, asyncio.CancelledError):
            if is_cancelled():
                raise
            _log.exception("on_stop failed", extra={"point": active.text})
    active.state = State.GONE
    if active.background is not None:
        await active.background.end(grace)  # what on_stop has begun
    active.particle = None
