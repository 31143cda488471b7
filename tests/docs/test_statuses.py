"""The page of statuses has a line for each status that the platform answers, and says what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import attrs
import pytest

from docs.pages import REPOSITORY
from hyperverse_core import NoMachine
from hyperverse_core.errors import HyperverseError, error_for_status
from hyperverse_core.values import Outcome

PAGE = REPOSITORY / "docs" / "reference" / "statuses.md"
SOURCES = ("hyperverse_core", "plugins/hyperverse_sql", "plugins/hyperverse_zmq", "plugins/hyperverse_base")
_ROW = re.compile(r"^\| (\d{3}) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


@attrs.frozen
class Row:
    """A line of the page."""

    status: int
    outcomes: frozenset[str]
    classes: tuple[str, ...]


def _rows() -> dict[int, Row]:
    found = [
        Row(int(status), frozenset(re.findall(r"`(\w+)`", outcome)), tuple(re.findall(r"`([A-Z]\w+)`", source)))
        for status, outcome, _, _, source in _ROW.findall(PAGE.read_text("utf-8"))
    ]
    assert len({row.status for row in found}) == len(found), "a status has two lines"
    return {row.status: row for row in found}


def _classes(above: type[HyperverseError] = HyperverseError) -> Iterator[type[HyperverseError]]:
    for each in above.__subclasses__():
        if each.__module__.startswith("hyperverse_core.errors") or each is NoMachine:
            yield each
            yield from _classes(each)


def test_every_class_of_errors_is_in_the_line_of_its_status() -> None:
    rows, bases = _rows(), {"CallerError", "PolicyError"}
    wrong = [each.__name__ for each in _classes() if each.__name__ not in {*rows[each.status].classes, *bases}]
    assert wrong == []
    named = {name for row in rows.values() for name in row.classes}
    assert named - {each.__name__ for each in _classes()} == set()


@pytest.mark.parametrize("row", [row for row in _rows().values() if row.status >= 400], ids=lambda row: str(row.status))
def test_a_reply_raises_a_class_of_its_line(row: Row) -> None:
    raised = type(error_for_status(row.status, "it")).__name__
    assert raised in row.classes
    assert row.outcomes and row.outcomes <= {str(outcome) for outcome in Outcome} - {"ok"}


def test_every_status_that_the_code_answers_with_has_a_line() -> None:
    answered = set()
    for folder in SOURCES:
        for file in (REPOSITORY / folder).rglob("*.py"):
            if "testing" not in file.parts:
                answered |= set(_answered(ast.parse(file.read_text("utf-8"))))
    assert {200, 207, 408, 503} <= answered
    assert answered - set(_rows()) == set()


def _answered(tree: ast.AST) -> Iterator[int]:
    """The statuses that replies are made with, as numbers."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        given = [*(node.args[:1] if name in ("Pong", "Echo", "error_for_status") else ())]
        given += [keyword.value for keyword in node.keywords if keyword.arg == "status"]
        numbers = [one.value for each in given for one in ast.walk(each) if isinstance(one, ast.Constant)]
        yield from (number for number in numbers if type(number) is int and number >= 200)
