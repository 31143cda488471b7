"""What the threat model names as evidence is there: files, folders, and in each file tests."""

from __future__ import annotations

import re

import pytest

from docs.pages import REPOSITORY

PAGES = ("docs/explanation/security.md", "SECURITY.md")
PATH = re.compile(r"`((?:tests|docs|contrib|plugins|hyperverse_core)/[\w\-./]*)(?:::(\w+))?`")
CHECKS = re.compile(r"^\s*(?:async )?def (test_\w+)|^(?:def|class) \w+", re.MULTILINE)


def named() -> list[tuple[str, str]]:
    """Paths that the pages name, each with the test in it that is named, if one is."""
    texts = ((REPOSITORY / page).read_text("utf-8") for page in PAGES)
    return sorted({(found[1], found[2] or "") for text in texts for found in PATH.finditer(text)})


def table() -> list[list[str]]:
    """The rows of the threat model: who attacks, what is promised, and which tests show it."""
    text = (REPOSITORY / PAGES[0]).read_text("utf-8")
    lines = text.partition("| attacker | promise | tests |\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(("path", "test"), named())
def test_what_the_threat_model_names_exists(path: str, test: str) -> None:
    place = REPOSITORY / path
    if place.is_dir():
        assert any(place.glob("**/test_*.py")), f"no tests in {path}"
        return
    assert place.is_file()
    found = list(CHECKS.finditer(place.read_text("utf-8")))
    assert found, f"{path} checks nothing"
    assert not test or test in {one[1] for one in found}


def test_each_attacker_of_the_threat_model_has_tests() -> None:
    rows = table()
    assert len(rows) > 10
    without = [row[0] for row in rows if len(row) != 3 or not PATH.search(row[2])]
    assert without == []
