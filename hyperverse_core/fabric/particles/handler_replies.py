"""What becomes of what a handler raises: a reply that every caller can read."""

from __future__ import annotations

import sys
from types import TracebackType

from ...errors import HyperverseError, LoopDetected, NotHostedHere, Unavailable, described
from ...universe.waves.reportable import is_reportable
from ...universe.waves.wave import Directed, Outcome, Pong

__all__ = ["failure_of"]


def failure_of(error: BaseException, wave: Directed) -> tuple[Pong, bool]:
    """The reply to a wave whose handler has raised, and whether the log needs the traceback."""
    if isinstance(error, RecursionError) and _have_nested(wave, error):
        loop = LoopDetected(f"too many waves within one another, the last to {wave.to.text!r}")
        return Pong.failure(loop, Outcome.FAILED), True
    if isinstance(error, HyperverseError) and is_reportable(error):
        reply = Pong.failure(error, Outcome.FAILED)
        if reply.status == NotHostedHere.status:  # from its save; no sign that the wave may be handled elsewhere
            reply.status = Unavailable.status
        return reply, False
    return Pong(500, {"error": described(error)}, outcome=Outcome.FAILED), True


def _have_nested(wave: Directed, error: RecursionError) -> bool:
    """Whether the stack is full of waves within one another, and not of the handler's own calls."""
    own = 0
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        own += 1
        trace = trace.tb_next
    return bool(wave.chain) and own * 2 < sys.getrecursionlimit()
