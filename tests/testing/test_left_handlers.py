"""A handler of the log that a test leaves behind is taken away and named."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from left_handlers import handlers, take_away

pytest_plugins = ["pytester"]


def test_what_was_added_is_taken_away_and_named() -> None:
    before = handlers()
    kept = set(logging.getLogger("hyperverse").handlers)
    logging.getLogger("hyperverse").addHandler(logging.StreamHandler(io.StringIO()))
    (left,) = take_away(before)
    assert "StreamHandler" in left and left.endswith("of the logger 'hyperverse'")
    assert set(logging.getLogger("hyperverse").handlers) == kept
    assert take_away(before) == []


def test_any_handler_that_a_module_has_left_is_taken_away_and_named(pytester: pytest.Pytester) -> None:
    pytester.makeini(f"[pytest]\npythonpath = {Path(__file__).parents[1]}\n")
    add = 'import logging\n\ndef test_adds():\n    logging.getLogger("hyperverse").addHandler(logging.NullHandler())\n'
    stay = "\ndef test_is_still_there():\n    assert logging.getLogger('hyperverse').handlers\n"
    gone = "import logging\n\ndef test_is_gone():\n    assert not logging.getLogger('hyperverse').handlers\n"
    pytester.makepyfile(test_a=add + stay, test_b=gone)
    done = pytester.runpytest_subprocess("-p", "left_handlers", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=3)
    assert "test_is_still_there left a handler of the log behind: <NullHandler" in done.stderr.str()
