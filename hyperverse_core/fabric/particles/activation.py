"""Activation: makes a particle's object from its saved state, before the first wave and after a cancelled one."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from ...contracts.driver import Particle
from ...contracts.registry import Status
from ...errors import HandlerFailed, HyperverseError, TryAgain, described
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...scheduling.presentable import presentable
from .context import Context
from .own_context import begin_in_own_context
from .saving import fingerprint, given_up, has_unsaved
from .state import State
from .states import decode_state

if TYPE_CHECKING:
    from .resident import Resident

__all__ = ["activate"]

_log = guarded_log("hyperverse.particle")
_LONG = 1.0
"""Seconds after which a start in progress is shown in the status."""
_SHOWN = 3600.0
"""Seconds for which a failed start is shown if no wave tries again."""


async def activate(active: Resident) -> None:
    """Makes the particle ready; the caller must have the turn. Raises NotHostedHere if it has left, and errors of its
    driver or its saved state."""
    if active.state is State.GONE:
        raise active.has_left()
    before = active.state
    if before is State.UNSAVED and not has_unsaved(active):  # its handler has reverted the unsaved change
        active.note_saved()
        return
    if before.spoiled:
        if active.background is not None:
            active.background.give_up()  # the tasks belong to the discarded object
        active.particle = None
    active.begin_start()
    begun = perf_counter()
    try:
        rest = begin_in_own_context(_start(active))
        if rest is not None:
            slow = active.home.loop.call_later(_LONG, _note_hanging, active)
            try:
                await rest
            finally:
                slow.cancel()
    except BaseException as exc:
        its_own = not ends_task(exc)
        exc = presentable(exc) if its_own else exc
        cause = described(exc) if its_own else "it has not returned in time"
        what = "on_start" if active.particle is not None else "its making"
        active.home.troubles.note(_start_of(active), f"{cause}; its next wave tries again", lasts=_SHOWN)
        unmade = active.particle is None and isinstance(exc, TryAgain)  # not the particle's fault
        shown = its_own and active.assignment is not None and not unmade
        if not unmade:
            active.home.failures.note(active.text, f"{what}: {cause}")
        active.give_start_up(failed=shown or before is State.FAILED)
        if active.assignment is not None:
            active.particle = None
        if shown:
            await _show(active, Status.PANIC)
        if isinstance(exc, HyperverseError) or not its_own:
            raise
        _log.error("it could not start", exc_info=exc, extra={"point": active.text})
        raise HandlerFailed(f"{active.text!r} could not start: {described(exc)}") from exc
    if active.home.troubles:
        active.home.troubles.over(_start_of(active))
    if before is State.FAILED:
        await _show(active, Status.READY)
    if active.gone:
        raise active.has_left()
    if active.state is not State.STARTING:  # a wave from on_start came back here, and its handler was cancelled
        raise given_up(active)
    if active.assignment is not None and active.particle is not None:
        active.saves = None
        if active.durable is None:
            active.durable = fingerprint(active.particle)
    active.end_start()
    interceptors = active.home.interceptors
    if interceptors.woken and active.assignment is not None:
        interceptors.tell(interceptors.woken, active.point, active.star.key, perf_counter() - begun)


async def _start(active: Resident) -> None:
    particle, active.durable = active.particle, None
    if particle is None:
        particle = active.particle = await _make(active)
    if type(particle).on_start is not Particle.on_start:  # most particles have none, and the call needs a wave
        await particle.on_start(Context.own(active))
        active.durable = None  # handlers start with its changes


def _note_hanging(active: Resident) -> None:
    """Reports a start that takes long, because waves are waiting and their senders do not know why."""
    made = "on_start has" if active.particle is not None else "its driver's create, or the registry, has"
    plugin = active.served.plugin or "none"
    cause = f"{made} not returned (plugin {plugin}); its waves wait"
    _log.warning("%s: %s", _start_of(active), cause, extra={"point": active.text})
    active.home.troubles.note(_start_of(active), cause, lasts=_SHOWN)


def _start_of(active: Resident) -> str:
    return f"start of {active.text}"


async def _show(active: Resident, status: Status) -> None:
    """Writes the status into the particle's record. An error here does not fail the wave being handled."""
    try:
        await active.home.registry.set_status(active.point, status)
    except HyperverseError as exc:
        _log.warning("its status %s could not be written: %s", status, exc, extra={"point": active.text})


async def _make(active: Resident) -> Particle:
    state = active.saved
    if state is None and active.assignment is not None:
        state = await active.home.registry.load_state(active.point)
    interceptors = active.home.interceptors
    if interceptors.loaded and active.assignment is not None:
        interceptors.tell(interceptors.loaded, active.point, active.star.key, len(state or b""))
    served = active.served
    particle = await served.make(active.record) if served.makes else served.particle()
    if state:
        decode_state(particle, state)
    elif served.alike:
        if served.fresh is None:
            served.fresh = fingerprint(particle)
        active.durable = served.fresh
    active.saved = None
    return particle
