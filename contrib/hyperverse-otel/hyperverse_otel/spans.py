"""Spans: one for each wave at its sender, one for each handler, and their parents.

They are made in the form that the SDK passes to processors. A span that the SDK itself starts and ends costs more than
ten Pings, mostly because it can be changed in between.

The id of a handler's span follows from the wave's span and
the particle (:func:`handler_span`), so a wave that this handler sends knows its parent without a message.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from random import random

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from hyperverse_core import UNWANTED, Observer, WaveEnd
from hyperverse_core.values import Directed, Ping, Ripple, Signal

from .trace_context import TraceContext, parse

__all__ = ["Spans", "handler_span"]

_NS = 1_000_000_000
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SCOPE = InstrumentationScope("hyperverse")
_DONE = Status(StatusCode.UNSET)
_SENDER = {Ping: SpanKind.CLIENT, Ripple: SpanKind.CLIENT, Signal: SpanKind.PRODUCER}
_HANDLER = {Ping: SpanKind.SERVER, Ripple: SpanKind.SERVER, Signal: SpanKind.CONSUMER}


def handler_span(wave_span: str, particle: str) -> str:
    """The id of the span of a handler.

    Args:
        wave_span: the id of the span of the wave that it handles.
        particle: the point of its particle, which differs between the copies of a Ripple.
    """
    return blake2b(f"{wave_span} {particle.partition(':/')[0]}".encode(), digest_size=8).hexdigest()


class Spans(Observer):
    """Makes spans for sampled waves; a wave that is not sampled costs three short calls.

    Args:
        processors: receive the spans that have ended.
        resource: the source of the spans.
        share: share of the traces that begin here to sample, from 0 to 1. A trace from outside carries its own
            decision.
    """

    def __init__(self, processors: Sequence[SpanProcessor], resource: Resource, share: float) -> None:
        self._processors = tuple(processors)
        self._resource = resource
        self._share = share
        self._ids = RandomIdGenerator()

    # -- the sender's end ---------------------------------------------------------------------------------

    def wave_begins(self, wave: Directed, headers: dict[str, str]) -> object:
        """Decides whether the trace is sampled, unless that is already decided, and gives the wave a span."""
        if wave.headers is None or (given := parse(wave.headers)) is None:
            # A wave of a handler, as most waves are, belongs to the trace of its handler, or to none.
            if wave.chain or random() >= self._share:
                return UNWANTED
            own = TraceContext(f"{self._ids.generate_trace_id():032x}", self._new(), True, is_ours=True)
        elif not given.sampled:
            return UNWANTED
        else:
            parent = handler_span(given.span_id, wave.sender.text) if given.is_ours else given.span_id
            own = TraceContext(given.trace_id, self._new(), True, given.members, True, parent)
        headers.update(own.headers())
        return own

    def _new(self) -> str:
        return f"{self._ids.generate_span_id():016x}"

    def wave_ends(self, wave: Directed, end: WaveEnd, begun: object) -> None:
        """Ends the span of the wave."""
        if isinstance(begun, TraceContext):
            self._record(wave, end, begun, begun.span_id, begun.parent, _SENDER[type(wave)])

    # -- the recipient's end ------------------------------------------------------------------------------

    def handler_begins(self, wave: Directed, waited: float) -> object:
        """Starts the span of a handler. The decision to sample was made where the trace began."""
        if wave.headers is None or (at := parse(wave.headers)) is None or not at.sampled:
            return UNWANTED
        return at

    def handler_ends(self, wave: Directed, end: WaveEnd, begun: object) -> None:
        """Ends the span of a handler. A wave that reached no handler gets a span of length zero."""
        at = begun if isinstance(begun, TraceContext) else self.handler_begins(wave, 0.0)
        if isinstance(at, TraceContext):
            own = handler_span(at.span_id, wave.to.text)
            self._record(wave, end, at, own, at.span_id, _HANDLER[type(wave)])

    # -- both ---------------------------------------------------------------------------------------------

    def _record(
        self,
        wave: Directed,
        end: WaveEnd,
        at: TraceContext,
        span_id: str,
        parent: str,
        kind: SpanKind,
    ) -> None:
        ended, reply = time.time_ns(), end.reply
        status = _DONE
        if reply is not None and reply.status >= 400:
            said = reply.body.get("error", "") if isinstance(reply.body, Mapping) else ""
            status = Status(StatusCode.ERROR, str(said) or str(reply.status))
        span = ReadableSpan(
            name=str(wave.method),
            context=_context(at.trace_id, span_id),
            parent=_context(at.trace_id, parent) if parent else None,
            resource=self._resource,
            attributes=_attributes(wave, end),
            kind=kind,
            status=status,
            start_time=ended - int((end.seconds or 0.0) * _NS),
            end_time=ended,
            instrumentation_scope=_SCOPE,
        )
        for processor in self._processors:
            processor.on_end(span)


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), False, _SAMPLED)


def _attributes(wave: Directed, end: WaveEnd) -> dict[str, str | int | float]:
    """Returns the attributes of a wave. Bodies and headers are left out: they may contain secrets."""
    reply = end.reply
    said: dict[str, str | int | float] = {
        "rpc.system": "hyperverse",
        "rpc.method": str(wave.method),
        "hyperverse.wave": wave.id,
        "hyperverse.to": wave.to.text,
        "hyperverse.sender": wave.sender.text,
        "hyperverse.agent": wave.agent.text,
        "hyperverse.origin": wave.origin,
    }
    if end.waited:
        said["hyperverse.waited"] = end.waited
    if reply is not None:
        said["hyperverse.status"] = reply.status
        said["hyperverse.outcome"] = str(reply.outcome)
        if reply.star:
            said["hyperverse.star"] = reply.star
    return said
