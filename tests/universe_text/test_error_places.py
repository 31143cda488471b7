"""How an error shows where a text went wrong."""

from __future__ import annotations

import pytest

from hyperverse_core.errors import ParseError


@pytest.mark.parametrize(
    ("text", "offset", "shown"),
    [
        ("get A", 4, "get A\n    ^"),
        ("get", 3, "get\n   ^"),
        ("", 0, "\n^"),
        ("a\nbc\nd", 3, "bc\n ^"),
        ("a\r\nbc\r\nd", 4, "bc\n ^"),
        ("a\n", 2, "\n^"),
        ("\tget\tA", 5, "\tget\tA\n\t   \t^"),
        ("one\x0bline\u2028only", 9, "one\x0bline\u2028only\n         ^"),
    ],
)
def test_the_caret_stands_below_the_place(text: str, offset: int, shown: str) -> None:
    assert ParseError("wrong", text=text, offset=offset).caret() == shown


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    line, caret = ParseError("wrong", text="a" * 5_000 + "B" + "c" * 5_000, offset=5_000).caret().splitlines()
    assert line == "..." + "a" * 60 + "B" + "c" * 59 + "..."
    assert line[caret.index("^")] == "B"


def test_it_tells_place_message_and_what_was_expected_in_a_line() -> None:
    error = ParseError("unexpected 'A'", text="x\ny A", offset=4, expected=("a", "b"), hint="lower case")
    assert error.told == "line 2, column 3: unexpected 'A'; expected a, b"
    assert str(error) == f"{error.told}\n  hint: lower case"
