"""No test writes to the log by a handler that another one has left behind: its stream may be closed by then.

It is a plugin of pytest.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator

import pytest

__all__ = ["handlers", "take_away"]

_LOGGERS = ("", "hyperverse", "asyncio", "py.warnings")
_Handlers = set[tuple[str, logging.Handler]]


def handlers() -> _Handlers:
    """Those that write to a stream."""
    found = ((name, handler) for name in _LOGGERS for handler in logging.getLogger(name).handlers)
    return {(name, handler) for name, handler in found if isinstance(handler, logging.StreamHandler)}


def take_away(before: _Handlers) -> list[str]:
    """Removes the handlers that were not there before; what they are."""
    left = handlers() - before
    for name, handler in left:
        logging.getLogger(name).removeHandler(handler)
    return sorted(f"{handler!r} of the logger {name or 'root'!r}" for name, handler in left)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Takes away what a test has left, and names the test on stderr."""
    before = handlers()
    try:
        return (yield)
    finally:
        for left in take_away(before):
            print(f"\n{item.nodeid} left a handler of the log behind: {left}", file=sys.__stderr__, flush=True)
