"""Deactivation: brings a particle to rest before it leaves, while waves still arrive for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...contracts.driver import Particle
from ...errors import NotHostedHere, Unavailable, described
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...scheduling.presentable import presentable
from .context import Context
from .own_context import begin_in_own_context
from .state import State

if TYPE_CHECKING:
    from .resident import Resident

__all__ = ["bring_to_rest", "has_to_stop", "say_goodbye", "stop", "take_turn"]

_log = guarded_log("hyperverse.particle")
_GLANCE, _LONGEST_GLANCE = 0.005, 0.1


def take_turn(active: Resident) -> State:
    """Takes the turn of a particle in which nothing is in progress. Returns the state that it was in."""
    active.mailbox.busy = True  # no other wave gets a turn from here on,
    return active.begin_stop()  # and a concurrent particle starts no other wave


async def bring_to_rest(active: Resident, grace: float) -> State | None:
    """Takes the particle's turn after the waves that have it, and keeps it, so that nothing runs in the particle from
    then on.

    Args:
        grace: seconds that it may take.

    Returns:
        the state that it was in; None if it did not come to rest, in which case nothing has changed.
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
            before = active.begin_stop()  # a concurrent particle starts no more waves: they wait for the turn
            while active.running:  # noqa: ASYNC110 - an event would cost every wave of a concurrent particle
                await asyncio.sleep(_GLANCE)
        if not active.gone:
            return before
    except (TimeoutError, Unavailable):
        if took:
            active.give_stop_up(before)
    if took:
        box.leave()
    return None


async def stop(active: Resident, before: State, grace: float) -> bool:
    """Ends its tasks, and calls ``on_stop`` if it was ready; the caller must have the turn. The object is gone
    afterwards.

    Args:
        before: the state that it was in when its turn was taken.
        grace: seconds that each step may take.

    Returns:
        False if ``on_stop`` did not complete.
    """
    if active.background is not None:
        await active.background.end(grace)
    ended = True
    if before is State.READY and active.particle is not None:
        ended = await _on_stop(active, active.particle, grace)
    active.end()
    if active.background is not None:
        await active.background.end(grace)  # tasks that on_stop started
    active.particle = None
    return ended


def has_to_stop(active: Resident) -> bool:
    """Whether a particle that is gone still has tasks or an object to end."""
    if not active.quiet or active.background is not None:
        return True
    return active.particle is not None and type(active.particle).on_stop is not Particle.on_stop


async def say_goodbye(active: Resident, grace: float) -> None:
    """Calls ``on_stop`` of a deleted particle after its running handlers have ended; their deadlines bound the wait.

    Args:
        grace: seconds that each step may take.
    """
    pause = _GLANCE
    while not active.quiet:
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_GLANCE)
    particle, active.particle = active.particle, None
    if particle is None or active.pinned:
        return  # not started, or already stopped
    if active.background is not None:
        await active.background.end(grace)
    await _on_stop(active, particle, grace)


async def _on_stop(active: Resident, particle: Particle, grace: float) -> bool:
    if type(particle).on_stop is Particle.on_stop:
        return True
    try:
        async with asyncio.timeout(grace):
            rest = begin_in_own_context(particle.on_stop(Context.own(active)))
            if rest is not None:
                await rest
    except BaseException as exc:
        if ends_task(exc):
            raise
        exc = presentable(exc)
        if active.gone and isinstance(exc, NotHostedHere):  # its save was too late
            _log.debug("on_stop of %s ended early: %s", active.text, exc)
            return False
        _log.error("on_stop failed", exc_info=exc, extra={"point": active.text})
        active.home.troubles.happened(f"on_stop of {active.text}", described(exc))
        return False
    return True
