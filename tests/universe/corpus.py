"""The corpus in ``cases/``: texts and situations, each with the expected result.

docs/reference/deviations.md lists the cases that the platform decides otherwise.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent
_DEVIATIONS = _HERE.parent.parent / "docs" / "reference" / "deviations.md"


def load(file: str) -> Any:
    """The content of one file of cases."""
    return json.loads((_HERE / "cases" / f"{file}.json").read_text("utf-8"))


def label(case: dict[str, Any]) -> str:
    """What tells a case from the others of its file: what goes in."""
    told = (case.get(key) for key in ("op", "what", "mode", "selector", "input", "start", "left", "seg", "point"))
    return " ~ ".join(str(part) for part in told if part is not None)


def cases(file: str) -> list[Any]:
    """The cases of one file as parameters, each named by its own text."""
    return [pytest.param(case, id=label(case) or "(empty)") for case in load(file)]


def cases_of(*files: str) -> list[Any]:
    """File and case, for some files of one kind."""
    return [pytest.param(file, case, id=f"{file} {label(case)}") for file in files for case in load(file)]


@cache
def deviations() -> frozenset[tuple[str, str]]:
    """File and label of every case that we decided against, as the documentation lists them."""
    found = set()
    for line in _DEVIATIONS.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if len(cells) == 4 and cells[0].startswith("`") and cells[1].startswith("`"):
            found.add((cells[0].strip("`"), cells[1].strip("`")))
    return frozenset(found)


def settle(file: str, case: dict[str, Any], holds: bool, got: object = "") -> None:
    """A case holds, or is listed as a deviation and does not."""
    listed = (file, label(case)) in deviations()
    assert holds is not listed, f"{'listed as a deviation, but holds' if listed else 'does not hold'}: {got!r}"
