"""What the source cites is a page of the reference that a reader can open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("hyperverse_core", "plugins", "contrib", "tests")
PLAIN = ("hyperverse_core", "plugins", "contrib", "tests/universe", "tests/universe_text", "tests/language")
"""Folders in which no docstring or comment cites a document that is not in the repository."""

_PAGE = re.compile(r"docs/[\w/-]+\.md(?:#[\w-]+)?(?:(?: and|,) #[\w-]+)*")
_ANCHOR = re.compile(r"#([\w-]+)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_ELSEWHERE = re.compile(
    r"\b(?:universe|hyperverse|spec|specification|rfc|pep) [0-9]+(?:\.[0-9]+)*|\bthe (?:original|specification)\b",
    re.IGNORECASE,
)


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """Name and text of each source file."""
    for folder in folders:
        for path in sorted((REPOSITORY / folder).rglob("*")):
            if path.suffix in (".py", ".lark") and path != Path(__file__):
                yield path.relative_to(REPOSITORY).as_posix(), path.read_text("utf-8")


def anchors(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them of its headings."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_a_page_that_the_source_cites_exists_and_has_that_heading() -> None:
    missing = []
    for name, text in sources(*FOLDERS):
        for citation in _PAGE.findall(re.sub(r"\s+", " ", text)):
            page = REPOSITORY / citation.partition("#")[0].partition(" ")[0].rstrip(",")
            if not page.exists():
                missing.append(f"{name} cites {citation}: there is no such page")
            else:
                missing += [f"{name} cites {citation}" for at in _ANCHOR.findall(citation) if at not in anchors(page)]
    assert missing == []


def test_no_source_cites_what_is_not_in_the_repository() -> None:
    found = []
    for name, text in sources(*PLAIN):
        for number, line in enumerate(text.splitlines(), 1):
            found += [f"{name}:{number}: {cited}" for cited in _ELSEWHERE.findall(line)]
    assert found == []
