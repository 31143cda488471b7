"""What the reference pages show is what the parsers take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.kind_defs.standard_kinds import STANDARD_KINDS
from hyperverse_core.values import parse_command
from universe.test_round_trips import PARSERS as OF_VALUES

PARSERS = {**OF_VALUES, "parse_command": parse_command}
_PAGES = Path(__file__).parent.parent.parent / "docs" / "reference"
_BLOCK = re.compile(r"^```text (not )?(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _lines() -> list[tuple[str, str, bool, str]]:
    found = []
    for page in ("points", "kinds", "selectors", "access"):
        for refused, name, block in _BLOCK.findall((_PAGES / f"{page}.md").read_text("utf-8")):
            found += [(page, name, not refused, line) for line in block.splitlines() if line]
    return found


@pytest.mark.parametrize(("page", "name", "good", "line"), _lines())
def test_an_example_of_a_page_is_read_or_refused_as_it_says(page: str, name: str, good: bool, line: str) -> None:
    if not good:
        with pytest.raises(ParseError):
            PARSERS[name](line)
        return
    value = PARSERS[name](line)
    assert PARSERS[name](str(value)) == value


@pytest.mark.parametrize("page", ["kinds", "selectors"])
def test_the_python_examples_run(page: str) -> None:
    for block in _PYTHON.findall((_PAGES / f"{page}.md").read_text("utf-8")):
        exec(compile(block, page, "exec"), {})


def test_every_standard_kind_and_property_is_on_its_page() -> None:
    page = (_PAGES / "kinds.md").read_text("utf-8")
    for kind in STANDARD_KINDS.values():
        names = [kind.name, *kind.subs, *kind.aliases, *(definition.key for definition in kind.properties)]
        assert [name for name in names if not re.search(rf"\b{re.escape(name)}\b", page)] == []
