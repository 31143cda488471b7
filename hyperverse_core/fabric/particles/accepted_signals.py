"""Accepted Signals, on their way from a particle's queue to its handlers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from ...errors import HyperverseError, NotHostedHere, Unavailable, error_for_status
from ...scheduling.guarded_log import guarded_log
from ...universe.waves.wave import Pong, Signal
from .activation import activate
from .handlers import Handler
from .mailbox import Posted
from .own_context import HERE, OVER, Abandoned, go_on
from .state import State

if TYPE_CHECKING:
    from .active import Active

__all__ = ["begin_signals", "handle_beside"]

_log = guarded_log("hyperverse.particle")
_READY = State.READY  # looking up an enum member costs 60 ns


def begin_signals(
    active: Active, handler: Handler, arguments: dict[str, Any] | None, wave: Signal, weight: int, since: float
) -> None:
    """Starts a Signal whose turn has come; it owns the turn from here on. Raises Unavailable if the machine is
    stopping.

    Args:
        weight: the memory that is counted for it while it waits.
        since: when it began to wait, by ``perf_counter``; 0.0 if nobody needs to know.
    """
    if weight:
        active.home.held.give_for(active, weight)
    active.home.pool.put_accepted(_handle, active, handler, arguments, wave, since, priority=wave.handling.priority)


async def _handle(
    active: Active, handler: Handler, arguments: dict[str, Any] | None, wave: Signal, since: float
) -> None:
    """Handles the Signal, and those that wait directly behind it.

    A worker has its own context. It serves one handler after another as long as that context stays empty, which saves a
    context for each. If a handler has set a variable, another worker continues.
    """
    box = active.mailbox
    variables = active.home.pool.variables
    replies: deque[Pong] = deque(maxlen=1)  # nobody reads them
    passed_on = False
    try:
        while True:
            try:
                if active.state is not _READY:
                    await activate(active)
                steps = active.handle(handler, arguments, wave, replies, None, since).__await__()
                waits_for = next(steps, OVER)
                if waits_for is not OVER:
                    await go_on(HERE, steps, waits_for)
            except Abandoned:
                raise active.abandoned(handler, wave) from None
            except HyperverseError as exc:
                await _missed(active, wave, exc)
            queue = box.waiting
            if not queue or type(queue[0]) is not tuple:  # a future is a waiting Ping, which is woken
                return
            posted: Posted = queue.popleft() if queue.ranks is None else queue.take()  # type: ignore[assignment]  # a tuple
            _, _, handler, arguments, wave, weight, since = posted
            if weight:
                active.home.held.give_for(active, weight)
            if variables:  # the handler has set something
                passed_on = _passed_on(active, handler, arguments, wave, since)
                return
    finally:
        if not passed_on:
            box.leave()


def _passed_on(active: Active, handler: Handler, arguments: dict[str, Any] | None, wave: Signal, since: float) -> bool:
    """Returns whether another worker continues and takes the turn. None does if the machine has stopped."""
    try:
        begin_signals(active, handler, arguments, wave, 0, since)
    except Unavailable:
        return False
    return True


async def handle_beside(
    active: Active, handler: Handler, arguments: dict[str, Any] | None, wave: Signal, weight: int, since: float
) -> None:
    """Handles a Signal concurrently with others. Its memory is counted until the handler has ended, because nothing
    else limits how many run."""
    try:
        await active.check_beside()
        await active.run_beside(handler, arguments, wave, since)
    except HyperverseError as exc:
        await _missed(active, wave, exc)
    finally:
        if weight:
            active.home.held.give_for(active, weight)


async def _missed(active: Active, wave: Signal, error: HyperverseError) -> None:
    """Handles an accepted Signal that did not reach its handler. If the particle has moved, the Signal follows it."""
    if isinstance(error, NotHostedHere):
        reply = await active.home.outbound.notify(wave)
        if reply.ok:
            return
        error = error_for_status(reply.status, reply.error)
    _log.warning("signal %s to %s: %s", wave.method, active.text, error, extra={"wave": wave.id})
    active.home.interceptors.refuse(wave, active.star.refusal(wave, error))
