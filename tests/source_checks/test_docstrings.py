"""Public docstrings name the errors that are raised, and say in which unit a time or a size is."""

from __future__ import annotations

import re

import pytest

from hyperverse_core.errors import BadRequest, Conflict
from source_checks.public_callables import PublicCallable, errors_raised, public_callables, units_missing

PUBLIC = tuple(public_callables())


def _unnamed(each: PublicCallable) -> list[str]:
    said = each.docstring + each.around
    return sorted(error for error in errors_raised(each) if not re.search(rf"\b{error}\b", said))


def test_a_docstring_names_the_errors_that_are_raised() -> None:
    """In a section ``Raises``, or in a sentence; the docstring of the class may say it for all its methods."""
    assert len(PUBLIC) > 500
    assert [f"{each.name}: {', '.join(unnamed)}" for each in PUBLIC if (unnamed := _unnamed(each))] == []


def test_a_docstring_says_the_unit_of_a_time_or_a_size() -> None:
    assert [missing for each in PUBLIC for missing in units_missing(each)] == []


def _refuse() -> None:
    raise Conflict("it is there")


def _raises_itself(name: str) -> None:
    if not name:
        raise BadRequest("it has no name")


def _raises_through_another() -> None:
    _refuse()


def _waits(wait: float | None = None, size: int = 0, count: int = 1) -> None: ...


@pytest.mark.parametrize(
    ("function", "docstring", "unnamed"),
    [
        (_raises_itself, "Does something.", ["BadRequest"]),
        (_raises_through_another, "Does something. Raises NotFound.", ["Conflict"]),
        (_raises_itself, "Does something. Raises BadRequest.", []),
        (_raises_through_another, "Does something.\n\nRaises:\n    Conflict: it is there.", []),
    ],
)
def test_an_error_that_is_not_named_is_found(function: object, docstring: str, unnamed: list[str]) -> None:
    assert callable(function)
    assert _unnamed(PublicCallable("it", function, docstring)) == unnamed


@pytest.mark.parametrize(
    ("docstring", "missing"),
    [
        ("Waits.\n\nArgs:\n    wait: how long.\n    size: how much.\n    count: how many.", ["it: wait", "it: size"]),
        ("Waits.\n\nArgs:\n    wait: seconds at most.\n    size: bytes\n        of it.\n    count: how many.", []),
        ("Waits ``wait`` seconds for so many (``size``) bytes.", []),
        ("See :meth:`Client.ping`.", []),
    ],
)
def test_a_unit_that_is_missing_is_found(docstring: str, missing: list[str]) -> None:
    assert units_missing(PublicCallable("it", _waits, docstring)) == missing
