"""Names, docstrings, comments and errors use the words that the pages use."""

from __future__ import annotations

import ast
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
SHIPPED = ("hyperverse_core", "plugins", "contrib")
FOLDERS = (*SHIPPED, "tests")
QUOTING = {"tests/docs/test_words.py", "tests/source_checks/test_words_of_code.py"}
"""Files that quote the words that are used no more."""
_PROSE = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
_SENTENCE = re.compile(r"(?<=[.;])\s+")
_NO_ACTOR = re.compile(r"(Who|Whoever|Whose)\b")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")
_EXACT = re.compile("|".join(map(re.escape, sorted(STORED | OF_THE_SEED))))


_MAY_HOLD = re.compile("|".join(RETIRED).replace(" ", "[_ ]?"), re.IGNORECASE)
"""Found in every source with a retired word, and in few others: those alone are taken apart, which takes long."""


def words_of(source: str) -> Iterator[tuple[int, str]]:
    """Each identifier as the words that it is made of, each string and comment as it is, with its line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and token.string not in STORED | OF_THE_SEED:
            yield token.start[0], _HUMP.sub(" ", token.string)
        elif token.type in _PROSE:
            yield token.start[0], _EXACT.sub("", token.string)


def retired_in(source: str) -> list[str]:
    """The words that are used no more, each with its line and with what to write instead."""
    if _MAY_HOLD.search(source) is None:
        return []
    return [
        f"line {line}: {match.group()!r}: write {instead}"
        for line, text in words_of(source)
        for word, instead in RETIRED.items()
        for match in re.finditer(rf"\b{word}\b", text, re.IGNORECASE)
    ]


def sentences_without_an_actor(source: str) -> list[str]:
    """The sentences of docstrings that begin with Who, Whoever or Whose and are no question."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, documented)]
    sentences = (each for text in docstrings for each in _SENTENCE.split(re.sub(r"\s+", " ", text)))
    return [each for each in sentences if _NO_ACTOR.match(each) and "?" not in each]


def test_a_sentence_of_a_docstring_names_its_actor() -> None:
    """'A machine that ...', 'The policy ...', not 'Who ...'."""
    found = [
        f"{name}: {each}"
        for name, text in sources(*SHIPPED)
        if name.endswith(".py") and "Who" in text
        for each in sentences_without_an_actor(text)
    ]
    assert found == []


def test_a_sentence_without_an_actor_is_found() -> None:
    source = 'def f():\n    """Finds it. Who asks\n    first finds it; whose is it?"""\n'
    assert sentences_without_an_actor(source) == ["Who asks first finds it;"]


def test_the_code_uses_the_words_of_the_glossary() -> None:
    found = [
        f"{name}: {each}"
        for name, text in sources(*FOLDERS)
        if name.endswith(".py") and name not in QUOTING
        for each in retired_in(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    ["class IdleSweeper: ...", "front_door = 1", 'def f():\n    """Opens the doors."""', "x = 1  # looks in vain"],
)
def test_a_retired_word_is_found(source: str) -> None:
    assert len(retired_in(source + "\n")) == 1


def test_what_is_stored_or_of_the_seed_may_stay() -> None:
    assert retired_in('row = {"door_key": key}\nnames = ["Knock"]\ndoor_key = 1\n') == []
