"""A handler of the log that a test leaves behind is taken away and named."""

from __future__ import annotations

import io
import logging

from left_handlers import handlers, take_away


def test_what_was_added_is_taken_away_and_named() -> None:
    before = handlers()
    kept = set(logging.getLogger("hyperverse").handlers)
    logging.getLogger("hyperverse").addHandler(logging.StreamHandler(io.StringIO()))
    (left,) = take_away(before)
    assert "StreamHandler" in left and left.endswith("of the logger 'hyperverse'")
    assert set(logging.getLogger("hyperverse").handlers) == kept
    assert take_away(before) == []
