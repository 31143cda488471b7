"""The cases about languages that we decided against, as the documentation lists them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from universe.corpus import load

_DEVIATIONS = Path(__file__).parents[2] / "docs" / "reference" / "deviations-text.md"


def name_of(case: dict[str, Any]) -> str:
    """What tells a case from the others of its file."""
    keys = ("what", "name", "bind", "method", "path") if "name" in case or "bind" in case else ("what", "input")
    return " ~ ".join(str(case[key]) for key in keys if key in case)


def cases(file: str) -> list[Any]:
    """The cases of one file as parameters, each named by its own text."""
    return [pytest.param(case, id=name_of(case) or "(empty)") for case in load(file)]


@cache
def deviations() -> frozenset[tuple[str, str]]:
    """File and name of every case in the table."""
    found = set()
    for line in _DEVIATIONS.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if len(cells) == 4 and cells[0].startswith("`") and cells[1].startswith("`"):
            found.add((cells[0].strip("`"), cells[1].strip("`")))
    return frozenset(found)


def settle(file: str, case: dict[str, Any], holds: bool, got: object = "") -> None:
    """A case holds, or is listed as a deviation and does not."""
    listed = (file, name_of(case)) in deviations()
    said = "is listed as a deviation, but holds" if listed else "does not hold"
    assert holds is not listed, f"{name_of(case)!r} {said}: {got!r}"
