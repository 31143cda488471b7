"""Decision records are numbered without gaps, have the same sections, and are on the index page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages import REPOSITORY

FOLDER = REPOSITORY / "docs" / "decisions"
RECORDS = sorted(path for path in FOLDER.iterdir() if path.name != "index.md")
SECTIONS = ["Context", "Decision", "Measured", "Consequences"]


def title_of(record: Path) -> str:
    found = re.match(r"# (\d{4}): (.+)\n", record.read_text("utf-8"))
    assert found is not None, f"{record.name} does not begin with '# NNNN: Title'"
    assert found[1] == record.name[:4]
    return found[2]


def test_numbers_have_no_gap() -> None:
    assert [record.name[:5] for record in RECORDS] == [f"{number:04}-" for number in range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_its_sections_in_order(record: Path) -> None:
    assert re.findall(r"^## (.+)$", record.read_text("utf-8"), re.MULTILINE) == SECTIONS


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_is_on_the_index_page_with_its_title(record: Path) -> None:
    line = f"| [{record.name[:4]}]({record.name}) | {title_of(record)} |\n"
    assert line in (FOLDER / "index.md").read_text("utf-8")
