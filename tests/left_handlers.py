"""No test writes to the log by a handler that another one has left behind.

A stream may be closed by then, so those that write to one are taken away after each test. Each of the others costs
time and memory for each line, and hundreds of them fail what is tested after them. They are taken away after the last
test of a module, because the machines of a module may have some until then.

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


def handlers(kind: type[logging.Handler] = logging.StreamHandler) -> _Handlers:
    """Those of that kind: by default those that write to a stream."""
    found = ((name, handler) for name in _LOGGERS for handler in logging.getLogger(name).handlers)
    return {(name, handler) for name, handler in found if isinstance(handler, kind)}


def take_away(before: _Handlers, kind: type[logging.Handler] = logging.StreamHandler) -> list[str]:
    """Removes the handlers of that kind that were not there before; what they are."""
    left = handlers(kind) - before
    for name, handler in left:
        logging.getLogger(name).removeHandler(handler)
    return sorted(f"{handler!r} of the logger {name or 'root'!r}" for name, handler in left)


class _Left:
    """Takes away what a test, or all tests of a module, have left, and names the last one on stderr."""

    def __init__(self) -> None:
        self._module: _Handlers | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Around each test and what it needed."""
        before = handlers()
        if self._module is None:
            self._module = handlers(logging.Handler)
        try:
            return (yield)
        finally:
            left = take_away(before)
            if nextitem is None or nextitem.path != item.path:
                left += take_away(self._module, logging.Handler)
                self._module = None
            for one in left:
                print(f"\n{item.nodeid} left a handler of the log behind: {one}", file=sys.__stderr__, flush=True)


def pytest_configure(config: pytest.Config) -> None:
    """Begins to look."""
    config.pluginmanager.register(_Left())
