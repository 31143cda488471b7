"""Notices: Signals that were accepted, on their way from the queue of a particle to its handlers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ...errors import HyperverseError, NotHostedHere, error_for_status
from ...universe.waves.wave import Signal
from .activation import wake
from .handlers import Handler

if TYPE_CHECKING:
    from .active import Active

__all__ = ["begin_notices", "notice"]

_log = logging.getLogger("hyperverse.particle")


def begin_notices(live: Active, handler: Handler, arguments: dict[str, Any], wave: Signal) -> None:
    """The turn of a Signal has come, and is its own from here on. Raises Unavailable when the machine stops."""
    crew = live.star.machine.crew
    crew.put_accepted(_notices, live, handler, arguments, wave, priority=wave.handling.priority)


async def _notices(live: Active, handler: Handler, arguments: dict[str, Any], wave: Signal) -> None:
    """Handles it, and those that wait right behind it."""
    box = live.mailbox
    try:
        while True:
            try:
                if not live.ready:
                    await wake(live)
                await live.run(handler, arguments, wave)
            except HyperverseError as exc:
                await _missed(live, wave, exc)
            posted = box.next_posted()
            if posted is None:
                return
            _, _, handler, arguments, wave = posted
    finally:
        box.leave()


async def notice(live: Active, handler: Handler, arguments: dict[str, Any], wave: Signal) -> None:
    """Handles one beside others."""
    try:
        await live.check_beside()
        await live.run_beside(handler, arguments, wave)
    except HyperverseError as exc:
        await _missed(live, wave, exc)


async def _missed(live: Active, wave: Signal, error: HyperverseError) -> None:
    """It was accepted and has not reached its handler: it follows its particle if that has moved."""
    if isinstance(error, NotHostedHere):
        reply = await live.star.notify(wave)
        if reply.ok:
            return
        error = error_for_status(reply.status, reply.error)
    _log.warning("signal %s to %s: %s", wave.method, live.text, error, extra={"wave": wave.id})
