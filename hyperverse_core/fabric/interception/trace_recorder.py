"""Records the hops of one traced wave, and of the waves that its handlers send, on one machine.

Each wave of a trace is a span of W3C trace context. When it begins, it gets its own ``traceparent``; the one that it
had before names the wave whose handler sends it.
"""

from __future__ import annotations

import secrets
from time import perf_counter
from typing import Any

import attrs

from ...contracts.observer import Observer
from ...contracts.wave_end import UNWANTED, WaveEnd
from ...universe.address.point import ROOT
from ...universe.selectors.selector import Selector
from ...universe.waves.wave import Directed, Outcome, Pong, Ripple

__all__ = ["TraceEvent", "TraceRecorder"]

_HEADER = "traceparent"
_MOST = 2_000
"""Greatest number of hops that one machine records for one trace, because a Ripple may have 100,000 recipients."""


@attrs.frozen
class TraceEvent:
    """One event of a wave. Bodies are never recorded.

    Attributes:
        event: ``begun``, ``sent``, ``retried``, ``answered``, ``refused`` or ``delivered``.
        at: the time in seconds of ``time.perf_counter`` of this machine; for ``delivered`` when the handler started.
        wave: the span of the wave.
        parent: for a wave that has begun, the span of the wave whose handler sends it.
        kind: ``Ping``, ``Signal`` or ``Ripple``.
        to, sender, method, path: fields of the wave; ``to`` is a selector, or empty, for a Ripple that has no copies
            yet.
        star: the star to which the wave was sent, or that has answered; empty if that is unknown.
        status, outcome: fields of the reply of the event; None and empty if there is none.
        attempt: the number of the attempt; 2 for the first repeat.
        seconds: time that the handler ran, or that the sender waited for the answer.
        why: why the wave did not reach its handler, as far as the platform knows.
    """

    event: str
    at: float
    wave: str
    parent: str
    kind: str
    to: str
    sender: str
    method: str
    path: str
    star: str = ""
    status: int | None = None
    outcome: str = ""
    attempt: int = 1
    seconds: float | None = None
    why: str = ""


class TraceRecorder(Observer):
    """Observes waves while a trace lasts.

    Args:
        trace: the id of the trace, 32 hexadecimal digits.

    Attributes:
        hops: the recorded events, in their order.
        left_out: number of events that were not recorded for lack of room.
    """

    def __init__(self, trace: str) -> None:
        self._trace = trace
        self.hops: list[TraceEvent] = []
        self.left_out = 0

    def wave_begins(self, wave: Directed, headers: dict[str, str]) -> object:
        parent = self._span(wave)
        if not parent:
            return UNWANTED
        own = secrets.token_hex(8)
        self._note("begun", wave, own, parent=parent)
        headers[_HEADER] = f"00-{self._trace}-{own}-01"
        return own

    def wave_sent(self, wave: Directed, star: str) -> None:
        span = self._span(wave)
        if span:
            self._note("sent", wave, span, star=star)

    def wave_retried(self, wave: Directed, attempt: int, reply: Pong) -> None:
        span = self._span(wave)
        if span:
            self._note("retried", wave, span, attempt=attempt, **_told(reply))

    def wave_ends(self, wave: Directed, end: WaveEnd, begun: object) -> None:
        span = self._span(wave)
        if span and end.reply is not None:
            self._note("answered", wave, span, seconds=end.seconds, **_told(end.reply))

    def handler_begins(self, wave: Directed, waited: float) -> object:
        return self._span(wave) or UNWANTED

    def handler_ends(self, wave: Directed, end: WaveEnd, begun: object) -> None:
        span = self._span(wave)
        if not span:
            return
        told = {} if end.reply is None else _told(end.reply)
        if end.ran:
            seconds = end.seconds or 0.0
            self._note("delivered", wave, span, at=perf_counter() - seconds, seconds=seconds, **told)
        else:
            self._note("refused", wave, span, **told)

    def _span(self, wave: Directed) -> str:
        """Returns the span in the headers of ``wave``; empty if it belongs to no trace, or to another one."""
        header = wave.headers.get(_HEADER) if wave.headers else None
        if header is None:
            return ""
        parts = header.split("-")
        return parts[2] if len(parts) >= 4 and parts[1] == self._trace else ""

    def _note(self, event: str, wave: Directed, span: str, *, parent: str = "", at: float = 0.0, **more: Any) -> None:
        if len(self.hops) >= _MOST:
            self.left_out += 1
            return
        of_wave = (type(wave).__name__, _recipient(wave), wave.sender.text, wave.method.text, wave.path)
        self.hops.append(TraceEvent(event, at or perf_counter(), span, parent, *of_wave, **more))


def _recipient(wave: Directed) -> str:
    """Returns its recipient: a point, or a selector for a Ripple that has no copies yet."""
    if type(wave) is Ripple and wave.to == ROOT:
        return str(wave.recipients) if isinstance(wave.recipients, Selector) else ""
    return wave.to.text


def _told(reply: Pong) -> dict[str, Any]:
    """Returns what a reply says about the path of its wave. The error of a handler, or about a body that does not fit,
    is left out because it may quote bodies."""
    why = reply.error if reply.outcome in (Outcome.REJECTED, Outcome.UNKNOWN) and reply.status != 400 else ""
    return {"star": reply.star, "status": reply.status, "outcome": str(reply.outcome), "why": why}
