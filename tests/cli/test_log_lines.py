"""Whatever is logged makes a line: what a plugin raises or hands over may raise when it is shown."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from hyperverse_core.cli.machine.log_setup import JsonFormatter, TextFormatter
from patience import PATIENCE


class _Opaque(Exception):
    def __getattribute__(self, name: str) -> Any:
        sys.exit(3)

    def __str__(self) -> str:
        raise KeyboardInterrupt


class _Odd:
    def __str__(self) -> str:
        sys.exit(3)

    __repr__ = __str__


def _odd_syntax() -> SyntaxError:
    error = SyntaxError("x")
    error.text = 5  # type: ignore[assignment]  # on purpose
    error.lineno = 1
    return error


def _record(error: BaseException | None, *args: object) -> logging.LogRecord:
    info = None if error is None else (type(error), error, None)
    return logging.LogRecord("hyperverse.x", logging.ERROR, "x.py", 1, "it failed: %s", args, info)


@pytest.mark.parametrize(("make", "name"), [(_Opaque, "_Opaque"), (_odd_syntax, "SyntaxError")])
def test_a_traceback_that_cannot_be_shown_is_told(make: Callable[[], BaseException], name: str) -> None:
    record = _record(make(), 1)
    text = TextFormatter().format(record)
    assert "it failed: 1" in text and name in text and "cannot be shown" in text
    assert name in json.loads(JsonFormatter().format(record))["traceback"]


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_a_text_that_cannot_be_shown_is_told(formatter: logging.Formatter) -> None:
    assert "it failed: %s (its arguments cannot be shown: SystemExit: 3)" in formatter.format(_record(None, _Odd()))


_CLOSED = """
import logging, sys
from hyperverse_core.cli.machine.log_setup import set_up
from hyperverse_core.config import Log

class Opaque(Exception):
    @property
    def __class__(self):
        sys.exit(3)

set_up(Log())
sys.stderr.close()
try:
    raise Opaque
except BaseException:
    logging.getLogger("hyperverse.x").error("it failed")
print("it goes on")
"""


def test_a_line_that_cannot_be_written_costs_that_line_alone() -> None:
    """Of a machine whose terminal has closed, while it handles what a plugin has raised."""
    done = subprocess.run(
        [sys.executable, "-c", _CLOSED], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (0, "it goes on\n")
