"""Accepted Signals on their way from the queue of a particle to its handlers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ...errors import HyperverseError, NotHostedHere, error_for_status
from ...universe.waves.wave import Signal
from .activation import activate
from .handlers import Handler
from .state import State

if TYPE_CHECKING:
    from .active import Active

__all__ = ["begin_signals", "handle_beside"]

_log = logging.getLogger("hyperverse.particle")


def begin_signals(active: Active, handler: Handler, arguments: dict[str, Any], wave: Signal) -> None:
    """The turn of a Signal has come, and is its own from here on. Raises Unavailable when the machine stops."""
    active.home.pool.put_accepted(_handle, active, handler, arguments, wave, priority=wave.handling.priority)


async def _handle(active: Active, handler: Handler, arguments: dict[str, Any], wave: Signal) -> None:
    """Handles it, and those that wait right behind it."""
    box = active.mailbox
    try:
        while True:
            try:
                if active.state is not State.READY:
                    await activate(active)
                await active.run(handler, arguments, wave)
            except HyperverseError as exc:
                await _missed(active, wave, exc)
            posted = box.next_posted()
            if posted is None:
                return
            _, _, handler, arguments, wave = posted
    finally:
        box.leave()


async def handle_beside(active: Active, handler: Handler, arguments: dict[str, Any], wave: Signal) -> None:
    """Handles one beside others."""
    try:
        await active.check_beside()
        await active.run_beside(handler, arguments, wave)
    except HyperverseError as exc:
        await _missed(active, wave, exc)


async def _missed(active: Active, wave: Signal, error: HyperverseError) -> None:
    """It was accepted and has not reached its handler: it follows its particle if that has moved."""
    if isinstance(error, NotHostedHere):
        reply = await active.home.outbound.notify(wave)
        if reply.ok:
            return
        error = error_for_status(reply.status, reply.error)
    _log.warning("signal %s to %s: %s", wave.method, active.text, error, extra={"wave": wave.id})
    interceptors = active.home.interceptors
    if interceptors.refused:
        interceptors.tell(interceptors.refused, wave, active.star.refusal(wave, error))
