"""Whoever does what a page says gets what it says: every block of README and docs is executed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from docs.checks import wrong_with
from docs.pages import REPOSITORY, all_pages, blocks_of
from docs.reader import Reader


@pytest.mark.timeout(900)  # a page starts several machines and programs
@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_is_true(page: Path, reader: Reader) -> None:
    if page.name == "README.md":  # it is read in a clone
        unwanted = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
        shutil.copytree(REPOSITORY / "contrib", reader.desk / "contrib", ignore=unwanted)
    if page.name == "configure.md":  # it shows the settings as they are by default
        reader.settings.clear()
    for block in blocks_of(page):
        wrong = wrong_with(page, block, reader)
        assert not wrong, f"{page.relative_to(REPOSITORY)}, block of line {block.line}: {wrong}"


@pytest.mark.timeout(1800)  # three pages
@pytest.mark.parametrize("backwards", [False, True], ids=["README first", "tutorials first"])
def test_readme_and_tutorials_work_in_one_shell_in_any_order(backwards: bool, reader: Reader) -> None:
    """A newcomer reads them one after the other, in one environment, with what the one before has installed."""
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
    shutil.copytree(REPOSITORY / "contrib", reader.desk / "contrib", ignore=unwanted)
    pages = [
        REPOSITORY / "README.md",
        *(REPOSITORY / "docs" / "tutorial" / f"first-{n}.md" for n in ("machine", "driver")),
    ]
    for page in reversed(pages) if backwards else pages:
        for block in blocks_of(page):
            wrong = wrong_with(page, block, reader)
            assert not wrong, f"{page.relative_to(REPOSITORY)}, block of line {block.line}: {wrong}"
