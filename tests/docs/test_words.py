"""Pages use the word that readers know, the same one everywhere, and sentences that name their subject."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages import REPOSITORY, all_pages

_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`+[^`\n]+`+")
RETIRED = {
    r"doors?": "endpoint or listener",
    r"knock(s|ed|ing)?": "credentials",
    r"crew": "worker pool",
    r"sweeper": "idle collector",
    r"namesakes?": "name claim",
    r"cosmos": "Hyperverse",
    r"the original": "(say the rule)",
    r"specification": "(say the rule)",
    r"in vain": "without success",
    r"upkeep": "maintenance",
    r"fae": "echo particle",
}
"""Words that stood for something, and the word that stands for it now."""
RIDDLES = {
    r"^(Who|Whoever|Whose) [^?\n]*\.": "name the actor: 'A machine that ...'",
    r"\bby the own\b": "by its own",
    r"\blets? (it|them|him|somebody) in no more\b": "revokes the key",
    r"\bwhose move\b": "who can do something about it",
}
"""Turns of phrase that readers stumble over, and what to write instead."""

PAGES = all_pages()
NOT_QUOTING = [page for page in PAGES if page.name != "CONTRIBUTING.md"]
"""Pages that do not quote what not to write."""


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def prose(page: Path) -> str:
    """The page without code."""
    return _CODE.sub("", _FENCED.sub("", page.read_text("utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_uses_the_words_of_the_glossary(page: Path) -> None:
    found = [
        f"{match.group()!r}: write {instead}"
        for word, instead in RETIRED.items()
        for match in re.finditer(rf"\b{word}\b", prose(page), re.IGNORECASE)
    ]
    assert found == []


@pytest.mark.parametrize("page", NOT_QUOTING, ids=name_of)
def test_a_sentence_names_its_subject(page: Path) -> None:
    text = re.sub(r"(?<=[.:;!?|]) +", "\n", prose(page))
    found = [
        f"{match.group()[:60]!r}: {instead}"
        for riddle, instead in RIDDLES.items()
        for match in re.finditer(riddle, text, re.MULTILINE)
    ]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_line_of_prose_has_at_most_120_characters(page: Path) -> None:
    text = _FENCED.sub("", page.read_text("utf-8"))
    long = [line for line in text.splitlines() if len(line) > 120 and not line.lstrip().startswith("|")]
    assert [line for line in long if re.search(r"\S \S", re.sub(r"`[^`]+`|\[[^\]]+\]\([^)]+\)", "x", line))] == []
