"""Saving: writes the durable state of a particle, and discards changes that are not durable.

After a handler raises or a save fails, the content of the particle's object must not be seen, because the answer was an
error. So the particle is loaded again from its saved state before its next wave, if anything in it differs from that
state. See ``docs/explanation/delivery.md#all-or-nothing``.
"""

from __future__ import annotations

import asyncio
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs

from ...contracts.driver import Particle
from ...errors import BadRequest, Conflict, HyperverseError, NotHostedHere, OutcomeUnknown, Unavailable
from ...scheduling.guarded_log import guarded_log
from .state import State
from .states import encode_state

if TYPE_CHECKING:
    from .resident import Resident

__all__ = ["BeforeOnStop", "Saves", "fingerprint", "given_up", "has_unsaved", "save", "spoiled"]

_log = guarded_log("hyperverse.particle")
_Error = TypeVar("_Error", bound=HyperverseError)
_READY = State.READY


class Saver(Protocol):
    """The context of the handler that requests a save.

    Attributes:
        has_saved: set by its first successful save.
    """

    has_saved: bool


class Saves:
    """The state of one particle's saves.

    Attributes:
        begun: number of the newest save.
        durable: number of the newest successful save.
        at: time of that save, by ``monotonic``.
        under_way: number of saves in progress.
        failed: the context whose save failed last; only this handler may try again.
    """

    __slots__ = ("at", "begun", "durable", "ended", "failed", "under_way")

    def __init__(self) -> None:
        self.begun = 0
        self.durable = 0
        self.at = 0.0
        self.under_way = 0
        self.failed: Saver | None = None
        self.ended: asyncio.Event | None = None


@attrs.frozen
class BeforeOnStop:
    """A particle's state before its ``on_stop``: if that fails, its half-finished changes are not written.

    Attributes:
        state: the encoded state; None if it cannot be encoded, or if nothing can fail.
        durable: number of the newest successful save.
    """

    state: bytes | None
    durable: int

    @classmethod
    def of(cls, active: Resident, particle: Particle) -> BeforeOnStop:
        """Captures the state. The caller must have the turn."""
        durable = active.saves.durable if active.saves is not None else 0
        if type(particle).on_stop is Particle.on_stop:
            return cls(None, durable)
        try:
            return cls(encode_state(particle), durable)
        except Exception:
            _log.exception("the unsaved changes of %s cannot be written", active.text)
            return cls(None, durable)

    def left_to_write(self, active: Resident) -> bytes | None:
        """Returns the state to write after an ``on_stop`` that failed; None if it has saved something itself."""
        if active.saves is not None and active.saves.durable > self.durable:
            return None
        return self.state


def fingerprint(particle: Particle) -> int | None:
    """Returns the fingerprint of its encoded state; None if the state cannot be encoded."""
    try:
        return hash(encode_state(particle))
    except Exception:  # `dump` raised it, or a value caused it; the save reports it
        return None


def has_unsaved(active: Resident, before: int | None = None) -> bool:
    """Whether the particle holds changes that are not durable.

    Args:
        before: fingerprint to compare with; None for that of the durable state.
    """
    if active.particle is None:
        return False
    known = before if before is not None else active.durable
    return known is None or fingerprint(active.particle) != known


def spoiled(active: Resident, particle: Particle | None, before: int | None = None) -> None:
    """Discards the unsaved changes after a handler or ``on_start`` of ``particle`` raised."""
    if active.assignment is None or particle is not active.particle or active.state not in (State.READY, State.UNSAVED):
        return
    if has_unsaved(active, before):
        active.spoil()
    else:
        active.note_saved()


def given_up(active: Resident, ctx: Saver | None = None) -> HyperverseError:
    """Returns the error for a handler that saves or begins after another handler left the object unsaved."""
    if active.concurrent:
        became = _became(ctx, repeatable=True)
        return Unavailable(f"another handler of {active.text!r} failed meanwhile: {became}", retry_after=0.1)
    return Conflict(f"a handler of {active.text!r} failed or was cancelled, so unsaved changes are discarded")


async def save(active: Resident, ctx: Saver, particle: Particle | None) -> None:
    """Saves the durable state. ``particle`` is the object on which ``ctx`` works."""
    saves = active.saves
    if saves is None or active.state is not _READY or active.particle is not particle or active.assignment is None:
        saves = _checked(active, ctx, particle)
    assert particle is not None, "it is ready, or runs a wave of its own chain"
    number = saves.begun = saves.begun + 1
    watched = active.watched_until and active.star.loop.time() < active.watched_until
    try:
        encoded = encode_state(particle)
        listeners = active.home.interceptors.saved
        begun = perf_counter() if listeners else 0.0
        saves.under_way += 1
        try:
            await active.home.registry.save_state(
                active.point,
                active.assignment,  # type: ignore[arg-type]  # it has one: looked at above
                encoded,
                announce=bool(watched),
            )
        finally:
            saves.under_way -= 1
            if saves.ended is not None:
                saves.ended.set()
    except NotHostedHere:
        active.home.table.taken(active)
        raise
    except Exception as exc:
        if await _a_later_one_succeeds(saves, number):
            return
        _has_failed(active, saves, ctx, particle)
        if isinstance(exc, HyperverseError):
            raise _told(exc, active, ctx) from exc
        raise
    if listeners:
        size, seconds = len(encoded), perf_counter() - begun
        active.home.interceptors.tell(listeners, active.point, active.star.key, size, seconds)
    if number > saves.durable:
        saves.durable, saves.at = number, monotonic()
        if active.saves is saves:  # otherwise the particle was created again meanwhile
            active.durable = hash(encoded)
    if active.state is not _READY and active.particle is particle:
        active.note_saved()
    ctx.has_saved = True


def _checked(active: Resident, ctx: Saver, particle: Particle | None) -> Saves:
    """Returns the state of its saves. Raises HyperverseError if ``ctx`` may not save ``particle``."""
    if active.assignment is None:
        raise BadRequest(f"{active.text!r} has no durable state: the registry does not place it")
    if active.state is State.GONE:
        raise active.has_left()
    saves = active.saves
    if saves is None:
        saves = active.saves = Saves()
    other_failed = active.state is State.UNSAVED and saves.failed is not ctx
    if active.particle is not particle or active.state is State.CUT or other_failed:
        raise given_up(active, ctx)
    return saves


async def _a_later_one_succeeds(saves: Saves, number: int) -> bool:
    """Returns whether a later save of the same object wrote the change that this save could not write. Handlers of a
    concurrent particle save concurrently, and each save writes the whole object."""
    while saves.durable < number and saves.under_way and saves.begun > number:
        if saves.ended is None:
            saves.ended = asyncio.Event()
        saves.ended.clear()
        await saves.ended.wait()
    return saves.durable > number


def _has_failed(active: Resident, saves: Saves, ctx: Saver, particle: Particle) -> None:
    """Marks the object as unsaved: the next wave reloads it, unless this handler saves after all."""
    if active.particle is particle and active.note_unsaved():
        saves.failed = ctx


def _told(error: _Error, active: Resident, ctx: Saver) -> _Error:
    """Returns the same error, extended by what happened to the change."""
    unknown = isinstance(error, OutcomeUnknown)
    became = "" if unknown else f"; {_became(ctx, repeatable=isinstance(error, Unavailable))}"
    was = "may not have been" if unknown else "was not"
    told = error.__class__.__new__(error.__class__)
    vars(told).update(vars(error))
    HyperverseError.__init__(
        told,
        f"{active.text!r} {was} saved: {error.message}{became}",
        hint=error.hint,
        retry_after=error.retry_after,
    )
    return told


def _became(ctx: Saver | None, *, repeatable: bool) -> str:
    """Returns what happened to a handler's change that could not be saved."""
    if getattr(ctx, "has_saved", False):
        return "the changes that its handler saved before are kept, but its later changes did not happen"
    return "the change did not happen" + (", and it is safe to repeat it" if repeatable else "")
