"""Waking: how a particle's object is made from its saved state, before the first wave and after one that was cut."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ...contracts.driver import Particle
from ...contracts.registry import Status
from ...errors import HandlerFailed, HyperverseError, NotHostedHere
from ...scheduling.cancellation import is_cancelled
from .context import Context
from .conversion import decode_state

if TYPE_CHECKING:
    from .active import Active

__all__ = ["wake"]

_log = logging.getLogger("hyperverse.particle")


async def wake(live: Active) -> None:
    """Makes the particle; the turn must be ours. Raises what its driver or its state is to blame for."""
    _check_here(live)
    if live.cut:
        if live.work is not None:
            live.work.give_up()  # it belongs to the object that is given up
        live.particle = None
        live.cut = False
    try:
        if live.particle is None:
            live.particle = await _make(live)
        await live.particle.on_start(Context.own(live))
    except BaseException as exc:
        its_own = isinstance(exc, Exception) or (isinstance(exc, asyncio.CancelledError) and not is_cancelled())
        if live.assignment is not None:
            live.particle = None
            if its_own:
                await _show(live, Status.PANIC)
        if isinstance(exc, HyperverseError) or not its_own:
            raise
        _log.exception("it could not start", extra={"point": live.text})
        raise HandlerFailed(f"{live.text!r} could not start: {type(exc).__name__}: {exc}") from exc
    _check_here(live)
    if live.panicked:
        await _show(live, Status.READY)
    live.ready = True


def _check_here(live: Active) -> None:
    if live.gone:
        raise NotHostedHere(f"{live.text!r} has left {live.star.text}")


async def _show(live: Active, status: Status) -> None:
    """Writes how the particle is into its record; the wave that it is about does not fail for that."""
    live.panicked = status is Status.PANIC
    try:
        await live.star.machine.registry.set_status(live.point, status)
    except HyperverseError as exc:
        _log.warning("its status %s could not be written: %s", status, exc, extra={"point": live.text})


async def _make(live: Active) -> Particle:
    state = live.saved
    if state is None and live.assignment is not None:
        state = await live.star.machine.registry.load_state(live.point)
    particle = live.hosted.driver.create(live.point, str(live.record.kind))
    if state:
        decode_state(particle, state)
    live.saved = None
    return particle
