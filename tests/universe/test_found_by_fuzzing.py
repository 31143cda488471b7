"""Texts on which a parser once did something else than parse or raise ParseError."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.commands.script import parse_command
from hyperverse_core.universe.selectors.hierarchy import Hierarchy


@pytest.mark.parametrize(
    ("parse", "text", "offset"),
    [
        (Hierarchy.parse, "GLOBAL::ROOT<ReSe<F>>", 12),
        (Hierarchy.parse, "ROOT<Root>", 4),
        (parse_command, "set o<*>:b{}", 4),
        (parse_command, "set o<*>:B{}", 4),
    ],
)
def test_it_is_refused_at_its_place(parse: Callable[[str], object], text: str, offset: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert (caught.value.text, caught.value.offset) == (text, offset)
