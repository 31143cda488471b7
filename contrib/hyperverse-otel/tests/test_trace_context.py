"""The rules of W3C Trace Context for the two headers."""

from __future__ import annotations

import pytest
from hyperverse_otel.trace_context import TraceContext, parse

TRACE = "0af7651916cd43dd8448eb211c80319c"  # pragma: allowlist secret - of the W3C
SPAN = "b7ad6b7169203331"  # pragma: allowlist secret - of the W3C
PARENT = "00f067aa0ba902b7"  # pragma: allowlist secret - of the W3C
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        (GOOD, True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-ff", True),
        (f"00-{TRACE}-{SPAN}-02", False),
        (f"01-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", True),
    ],
)
def test_what_the_rules_allow_is_read(text: str, sampled: bool) -> None:
    assert parse({"traceparent": text}) == TraceContext(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " " + GOOD,
        GOOD + " ",
        GOOD + "\n",
        GOOD + "-more",
        GOOD.upper(),
        GOOD + "." + "0" * 70_000,
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01.what",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}g-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00_{TRACE}_{SPAN}_01",
    ],
)
def test_what_they_forbid_is_as_if_it_were_not_there(text: str) -> None:
    assert parse({"traceparent": text, "tracestate": "a=1"}) is None


def test_without_headers_there_is_nothing() -> None:
    assert parse(None) is None
    assert parse({"tracestate": "a=1"}) is None


def test_ours_comes_first_and_the_others_stay_in_order() -> None:
    made = TraceContext(TRACE, SPAN, True, ("a=1", "b=2"), True, PARENT)
    assert made.headers() == {"traceparent": GOOD, "tracestate": f"hyperverse={SPAN}-{PARENT},a=1,b=2"}
    assert parse(made.headers()) == made


def test_the_first_span_of_a_trace_has_no_parent() -> None:
    made = TraceContext(TRACE, SPAN, True, is_ours=True)
    assert parse(made.headers()) == made


def test_a_span_of_somebody_else_behind_ours_is_not_ours() -> None:
    found = parse({"traceparent": GOOD, "tracestate": f"other=1,hyperverse={PARENT}-{PARENT}"})
    assert found == TraceContext(TRACE, SPAN, True, ("other=1",))


def test_the_oldest_members_go_when_there_are_too_many_or_they_are_too_long() -> None:
    many = TraceContext(TRACE, SPAN, True, tuple(f"k{number}=1" for number in range(40))).headers()["tracestate"]
    assert many.count(",") == 31
    assert many.endswith("k30=1")
    long = TraceContext(TRACE, SPAN, True, ("a=1", "b=" + "x" * 500)).headers()["tracestate"]
    assert long.endswith(",a=1")
    assert len(long) <= 512
