"""Names, docstrings, comments and errors use the words that the pages use."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator

import pytest

from docs.test_words import RETIRED
from source_checks.test_citations import sources

STORED = {"door_key"}
"""Names in files and tables that machines of other versions read: they stay as they are."""
OF_THE_SEED = {"Knock"}
"""A method of waves, ``Cmd<Knock>``; its users see it."""
FOLDERS = ("hyperverse_core", "plugins", "contrib")
_PROSE = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")
_EXACT = re.compile("|".join(map(re.escape, sorted(STORED | OF_THE_SEED))))


def words_of(source: str) -> Iterator[tuple[int, str]]:
    """Each identifier as the words that it is made of, each string and comment as it is, with its line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and token.string not in STORED | OF_THE_SEED:
            yield token.start[0], _HUMP.sub(" ", token.string)
        elif token.type in _PROSE:
            yield token.start[0], _EXACT.sub("", token.string)


def retired_in(source: str) -> list[str]:
    """The words that are used no more, each with its line and with what to write instead."""
    return [
        f"line {line}: {match.group()!r}: write {instead}"
        for line, text in words_of(source)
        for word, instead in RETIRED.items()
        for match in re.finditer(rf"\b{word}\b", text, re.IGNORECASE)
    ]


def test_the_code_uses_the_words_of_the_glossary() -> None:
    found = [f"{name}: {each}" for name, text in sources(*FOLDERS) if name.endswith(".py") for each in retired_in(text)]
    assert found == []


@pytest.mark.parametrize(
    "source",
    ["class IdleSweeper: ...", "front_door = 1", 'def f():\n    """Opens the doors."""', "x = 1  # looks in vain"],
)
def test_a_retired_word_is_found(source: str) -> None:
    assert len(retired_in(source + "\n")) == 1


def test_what_is_stored_or_of_the_seed_may_stay() -> None:
    assert retired_in('row = {"door_key": key}\nnames = ["Knock"]\ndoor_key = 1\n') == []
