"""What strangers do is logged once a minute for each reason, with a count."""

from __future__ import annotations

import logging
import time

import pytest

from hyperverse_core.transport import RefusalLog


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def refusals() -> RefusalLog:
    return RefusalLog(logging.getLogger("strangers"), "stars")


def test_a_reason_is_logged_again_after_a_minute_with_a_count(
    refusals: RefusalLog, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1000):
        refusals.note(f"the one with the key {f'k{number}'!r} sends {number} bytes")
    refusals.note("it is late")
    clock[0] += 60.0
    refusals.note("the one with the key 'other' sends 7 bytes")
    refusals.note("the one with the key 'other' sends 7 bytes")
    assert [record.getMessage() for record in caplog.records] == [
        "endpoint 'stars': refused a stranger: the one with the key 'k0' sends 0 bytes",
        "endpoint 'stars': refused a stranger: it is late",
        "endpoint 'stars': refused a stranger: the one with the key 'other' sends 7 bytes (999 others meanwhile)",
    ]


def test_strangers_that_make_reasons_fill_neither_the_log_nor_the_memory(
    refusals: RefusalLog, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(10_000):
        refusals.note("a" * number)
    assert len(caplog.records) == len(refusals._known) == 100
