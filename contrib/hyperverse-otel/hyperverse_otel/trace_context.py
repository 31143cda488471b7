"""The headers ``traceparent`` and ``tracestate`` of the W3C: https://www.w3.org/TR/trace-context/."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

__all__ = ["OURS", "TraceContext", "parse"]

OURS = "hyperverse"
"""The key of this plugin in ``tracestate``. Its value consists of the id of the wave's span and that of its parent."""
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MEMBERS = 32
_LENGTH = 512
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@attrs.frozen
class TraceContext:
    """The trace and the span to which a wave belongs.

    Attributes:
        trace_id, span_id: ids of the trace and of the span that sent it, as hexadecimal digits.
        sampled: whether the trace is recorded.
        members: the other members of ``tracestate``, the newest first.
        is_ours: whether this plugin made the span, not the sender of an HTTP request.
        parent: for a span of ours, the id of its parent; empty for the first span of a trace.
    """

    trace_id: str
    span_id: str
    sampled: bool
    members: tuple[str, ...] = ()
    is_ours: bool = False
    parent: str = ""

    def headers(self) -> dict[str, str]:
        """The two headers of a wave that belongs to this span of ours. Members that make ``tracestate`` too long are
        left out, the oldest first."""
        state = [f"{OURS}={self.span_id}-{self.parent or _NO_SPAN}", *self.members][:_MEMBERS]
        while len(",".join(state)) > _LENGTH:
            state.pop()
        return {
            "traceparent": f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}",
            "tracestate": ",".join(state),
        }


def parse(headers: Mapping[str, str] | None) -> TraceContext | None:
    """Returns the context in the headers of a wave; None if ``traceparent`` is missing or invalid. A later version is
    read as far as this version understands it."""
    if headers is None:
        return None
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    members = [member.strip(" \t") for member in headers.get("tracestate", "").split(",")]
    ours = next((member for member in members if member.startswith(f"{OURS}={span_id}-")), "")
    parent = ours.rpartition("-")[2].replace(_NO_SPAN, "")
    others = tuple(member for member in members if member and not member.startswith(f"{OURS}="))
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1), others, bool(ours), parent)
