"""Trace context in the W3C format: the headers of a request that belong to its trace and are passed on with its
wave."""

from __future__ import annotations

import re
from typing import Final

from .request import HttpRequest

__all__ = ["trace_headers"]

_PARENT: Final = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?")
_LONGEST: Final = {"tracestate": 512, "baggage": 8192}
_PARENT_LONGEST: Final = 512


def trace_headers(request: HttpRequest) -> dict[str, str]:
    """Returns the headers of the trace that a request belongs to.

    A ``traceparent`` that is malformed or repeated is ignored, and ``tracestate`` with it.
    One of a later version is accepted if it begins like version 00. ``tracestate`` and ``baggage`` are left out
    if they are longer than every service must accept (512 and 8192 characters).
    """
    found: dict[str, str] = {}
    if not request.is_traced:
        return found
    parent = request.header("traceparent")
    match = _PARENT.fullmatch(parent) if len(parent) <= _PARENT_LONGEST else None
    names = ["baggage"]
    if match is not None and not (match[1] == "00" and match[2]):
        found["traceparent"] = parent
        names.append("tracestate")
    for name in names:
        value = request.header(name)
        if value and len(value) <= _LONGEST[name] and value.isascii() and value.isprintable():
            found[name] = value
    return found
