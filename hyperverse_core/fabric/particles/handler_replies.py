"""Replies for a handler that raised, was cancelled, or outlived its star's lease."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from ...errors import BadRequest, HyperverseError, LoopDetected, NotHostedHere, ParseError, Unavailable, described
from ...scheduling.guarded_log import guarded_log
from ...universe.waves.reportable import is_reportable
from ...universe.waves.wave import Directed, Outcome, Pong, Signal
from ..interception.watching import Watched, WatchesHandlers
from .handlers import Handler

if TYPE_CHECKING:
    from .resident import Resident

__all__ = ["failed", "failure_of", "outlived", "signed", "tell_cut_off"]

_log = guarded_log("hyperverse.particle")
_SHORT = 80


def signed(active: Resident, reply: Pong, wave: Directed) -> Pong:
    """Adds to a reply the particle that answers and the wave that is answered."""
    reply.sender = active.point
    reply.id = wave.id
    reply.star = active.star.text
    reply.hops = wave.hops
    return reply


def tell_cut_off(active: Resident, wave: Directed, handlers: WatchesHandlers | None, watched: Watched) -> None:
    """Notifies the interceptors that a handler was cancelled; its caller gets no reply from it.

    Args:
        handlers, watched: the interceptors that watch its end; None if there are none.
    """
    failures = active.home.interceptors.failures
    if watched is None and not failures:
        return
    reply = signed(active, Pong(408, {"error": "the handler was cut off"}, outcome=Outcome.UNKNOWN), wave)
    if handlers is not None and watched is not None:
        handlers.end(wave, reply, watched)
    active.home.interceptors.fail(wave, reply)


def outlived(active: Resident, wave: Directed) -> Pong:
    """Returns the reply of a handler that ran longer than its star may serve. The particle may by now live elsewhere,
    and unsaved changes are lost."""
    error = f"{active.star.text} has lost its lease while {active.text!r} handled this"
    return signed(active, Pong(503, {"error": error}, outcome=Outcome.UNKNOWN), wave)


def failed(active: Resident, handler: Handler, wave: Directed, error: BaseException) -> Pong:
    """Returns the reply of a handler that raised."""
    reply, traced = failure_of(error, wave)
    if traced or isinstance(wave, Signal):
        active.home.failures.note(active.text, f"{wave.method}: {described(error)}")
    if traced:
        _log.error("%s failed", handler.name, exc_info=error, extra={"wave": wave.id, "point": active.text})
    elif isinstance(wave, Signal):  # its sender does not learn about the error
        _log.warning("signal %s to %s: %s", wave.method, active.text, error, extra={"wave": wave.id})
    return signed(active, reply, wave)


def failure_of(error: BaseException, wave: Directed) -> tuple[Pong, bool]:
    """Returns the reply to a wave whose handler raised, and whether the log needs the traceback."""
    if isinstance(error, RecursionError) and _have_nested(wave, error):
        loop = LoopDetected(f"waves are nested too deeply, the last to {wave.to.text!r}")
        return Pong.failure(loop, Outcome.FAILED), True
    if isinstance(error, ParseError):
        error = _in_full(error)
    if isinstance(error, HyperverseError) and is_reportable(error):
        reply = Pong.failure(error, Outcome.FAILED)
        if reply.status == NotHostedHere.status:  # raised by its save, so the wave must not be handled elsewhere
            reply.status = Unavailable.status
        return reply, False
    return Pong(500, {"error": described(error)}, outcome=Outcome.FAILED), True


def _in_full(error: ParseError) -> BadRequest:
    """Returns an error about a text that a handler could not parse, with the text and with what was expected, because
    the caller sees no caret under the position."""
    expected = f"; expected {', '.join(error.expected)}" if error.expected else ""
    short = 0 < len(error.text) <= _SHORT and "\n" not in error.text and error.text not in error.message
    where = f"{error.text!r}: " if short else ""
    return BadRequest(f"{where}{error.message}{expected}", hint=error.hint)


def _have_nested(wave: Directed, error: RecursionError) -> bool:
    """Whether the stack is full of nested waves, rather than of the handler's own calls."""
    own = 0
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        own += 1
        trace = trace.tb_next
    return bool(wave.chain) and own * 2 < sys.getrecursionlimit()
