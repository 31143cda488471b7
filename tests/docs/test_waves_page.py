"""The page about waves has every method, field, priority and built-in answer."""

from __future__ import annotations

import re

import attrs
import msgspec
import pytest

from docs.pages import REPOSITORY
from hyperverse_core.errors import ParseError
from hyperverse_core.universe.waves.wave import Directed, Handling, Method, Priority, Receipt, Stars

PAGE = (REPOSITORY / "docs" / "reference" / "waves.md").read_text("utf-8")


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("family", ["Http", "Cmd", "Hyp"])
def test_every_method_of_a_family_is_in_its_row(family: str) -> None:
    row = re.search(rf"^\| `{family}` \| (.*?) \|", section("Methods"), re.MULTILINE)
    assert row is not None
    said = re.findall(r"`(\w+)`", row[1])
    with pytest.raises(ParseError) as refused:
        Method.parse(f"{family}<Nothing>")
    assert said == list(refused.value.expected)


@pytest.mark.parametrize(
    ("text", "letter"), [("Cmd<Bounce>", ""), ("Cmd<Read>", "r"), ("Cmd<Update>", "w"), ("Ext<A>", "x")]
)
def test_a_method_needs_what_the_page_says(text: str, letter: str) -> None:
    words = {"": "none", "r": "read", "w": "write", "x": "execute"}
    row = f"| {'every other' if letter == 'x' else f'`{text}`'} | {words[letter]} |"
    assert row in section("Methods")
    assert Method.parse(text).need == letter


def test_every_field_of_a_wave_is_there() -> None:
    assert [field for field in msgspec.structs.fields(Directed) if f"`{field.name}`" not in section("Fields")] == []


def test_handling_and_receipt_are_complete() -> None:
    assert [field.name for field in attrs.fields(Handling) if f"| `{field.name}` |" not in section("Handling")] == []
    assert [name.name for name in Priority if f"`{name.name}`" not in section("Handling")] == []
    assert [field.name for field in attrs.fields(Receipt) if f"| `{field.name}` |" not in section("Replies")] == []


def test_the_recipients_can_be_written_so() -> None:
    assert Stars("Fold").kind == "Fold"
    assert Stars(adjacent=True).adjacent
