"""What the reference pages of the languages show is what the parsers take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.commands.script import parse_command, parse_script
from hyperverse_core.universe.commands.words import COMMAND_WORDS
from hyperverse_core.universe.routing.bind import BindConfig
from hyperverse_core.universe.routing.grammar import parse_pattern, parse_pipeline
from hyperverse_core.universe.routing.mechtron_config import MechtronConfig
from hyperverse_core.universe.routing.path_regex import PathRegex
from hyperverse_core.universe.routing.route_selector import RouteSelector

_PAGES = Path(__file__).parents[2] / "docs" / "reference"
_BLOCK = re.compile(r"^```text (not )?(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINES: dict[str, Callable[[str], Any]] = {
    "parse_command": parse_command,
    "Pipeline": parse_pipeline,
    "Pattern": parse_pattern,
    "PathRegex": PathRegex.parse,
    "RouteSelector": RouteSelector.parse,
}
_WHOLE: dict[str, Callable[[str], Any]] = {
    "BindConfig": BindConfig.parse,
    "MechtronConfig": MechtronConfig.parse,
    "parse_script": parse_script,
}


def _examples() -> Iterator[Any]:
    for page in ("commands", "binds"):
        for refused, name, content in _BLOCK.findall((_PAGES / f"{page}.md").read_text("utf-8")):
            for text in [content] if name in _WHOLE else content.splitlines():
                parse = _WHOLE.get(name) or _LINES[name]
                yield pytest.param(parse, text, bool(refused), id=f"{page} {refused}{name} {text[:40]!r}")


@pytest.mark.parametrize(("parse", "text", "refused"), list(_examples()))
def test_an_example_is_what_the_page_says(parse: Callable[[str], Any], text: str, refused: bool) -> None:
    if refused:
        with pytest.raises(ParseError):
            parse(text)
    else:
        value = parse(text)
        if parse != parse_script:
            assert parse(str(value)) == value


@pytest.mark.parametrize("word", COMMAND_WORDS)
def test_every_command_has_an_example(word: str) -> None:
    text = (_PAGES / "commands.md").read_text("utf-8")
    blocks = [content for refused, name, content in _BLOCK.findall(text) if name == "parse_command" and not refused]
    assert re.search(rf"^{word}\b", "\n".join(blocks), re.MULTILINE)
    assert f'"{word}"' in text
