"""Whoever does what a page says gets what it says: every block of README and docs is executed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from docs.checks import wrong_with
from docs.pages import REPOSITORY, all_pages, blocks_of
from docs.reader import Reader

IN_ONE_SHELL = (
    REPOSITORY / "README.md",
    REPOSITORY / "docs" / "tutorial" / "first-machine.md",
    REPOSITORY / "docs" / "tutorial" / "first-driver.md",
)
"""A newcomer reads them one after the other; README and the last one each come first, in a new shell, once."""
PAGES = [
    pytest.param(page, id=str(page.relative_to(REPOSITORY)))
    for page in all_pages()
    if page not in (IN_ONE_SHELL[0], IN_ONE_SHELL[-1])
]


def like_a_clone(reader: Reader) -> None:
    """Puts there what a page that is read in a clone installs."""
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
    shutil.copytree(REPOSITORY / "contrib", reader.desk / "contrib", ignore=unwanted)


@pytest.mark.thorough
@pytest.mark.timeout(900)  # a page starts several machines and programs
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_true(page: Path, reader: Reader, request: pytest.FixtureRequest) -> None:
    if page.name == "README.md":  # of a distribution
        like_a_clone(reader)
    if page.name == "configure.md":  # it shows the settings as they are by default
        reader.settings.clear()
    if page.name == "three-hosts.md":
        # In the place of db.example, which stands in the files of the page.
        reader.settings["HYPERVERSE__REGISTRY__URL"] = request.getfixturevalue("postgres_server").url()
    for block in blocks_of(page):
        wrong = wrong_with(page, block, reader)
        assert not wrong, f"{page.relative_to(REPOSITORY)}, block of line {block.line}: {wrong}"


@pytest.mark.thorough
@pytest.mark.timeout(1800)  # three pages
@pytest.mark.parametrize("backwards", [False, True], ids=["README first", "tutorials first"])
def test_readme_and_tutorials_work_in_one_shell_in_any_order(backwards: bool, reader: Reader) -> None:
    """Each finds what the one before has installed."""
    like_a_clone(reader)
    for page in reversed(IN_ONE_SHELL) if backwards else IN_ONE_SHELL:
        for block in blocks_of(page):
            wrong = wrong_with(page, block, reader)
            assert not wrong, f"{page.relative_to(REPOSITORY)}, block of line {block.line}: {wrong}"
