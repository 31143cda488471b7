"""The rules of W3C Trace Context at the portal: what is passed on with a wave, and what counts as no trace."""

from __future__ import annotations

import pytest

from hyperverse_portal.request import HttpRequest
from hyperverse_portal.trace_context import trace_headers

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


async def nothing() -> dict[str, object]:
    return {"type": "http.disconnect"}


def passed_on(*headers: tuple[str, str]) -> dict[str, str]:
    sent = [(b"host", b"localhost"), *((name.encode(), value.encode("latin-1")) for name, value in headers)]
    scope = {"method": "GET", "path": "/", "query_string": b"", "headers": sent, "client": ("127.0.0.1", 1)}
    return trace_headers(HttpRequest(scope, nothing))


@pytest.mark.parametrize("parent", [GOOD, GOOD[:-2] + "00", "01" + GOOD[2:], f"cc{GOOD[2:]}-what-the-future-will-be"])
def test_a_trace_goes_on(parent: str) -> None:
    state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    headers = (("traceparent", parent), ("tracestate", state), ("baggage", "user=ada"))
    assert passed_on(*headers) == dict(headers)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "nonsense",
        GOOD.upper(),
        GOOD[:-1],
        GOOD + "-more",
        GOOD + " ",
        f"ff{GOOD[2:]}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"01{GOOD[2:]}.more",
        f"01{GOOD[2:]}-{'x' * 600}",
    ],
)
def test_what_is_malformed_begins_no_trace(parent: str) -> None:
    assert passed_on(("traceparent", parent), ("tracestate", "a=1"), ("baggage", "b=1")) == {"baggage": "b=1"}


def test_two_parents_are_none_and_two_states_are_one() -> None:
    assert passed_on(("traceparent", GOOD), ("traceparent", GOOD)) == {}
    two = passed_on(("traceparent", GOOD), ("tracestate", "a=1"), ("tracestate", "b=2"))
    assert two == {"traceparent": GOOD, "tracestate": "a=1, b=2"}


def test_what_is_too_long_is_left_out() -> None:
    long = (("traceparent", GOOD), ("tracestate", "a=" + "x" * 511), ("baggage", "a=" + "x" * 8191))
    assert passed_on(*long) == {"traceparent": GOOD}
