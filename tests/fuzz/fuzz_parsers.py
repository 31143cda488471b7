"""Coverage-guided fuzzing of every parser.

Nothing but ParseError may come out, and what parses prints and parses again.

    pip install atheris
    python tests/fuzz/fuzz_parsers.py -max_total_time=3600

Takes libFuzzer's options. It is not part of the test suite: it runs for as long as it is let.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["hyperverse_core.universe"]):
    from hyperverse_core.errors import ParseError
    from hyperverse_core.universe.access.access import Access  # noqa: F401 - instrumented with the rest
    from hyperverse_core.universe.access.grant import AccessGrant, GrantKind
    from hyperverse_core.universe.access.permissions import Permissions, PermissionsMask
    from hyperverse_core.universe.access.scope import Scope
    from hyperverse_core.universe.address.point import Point
    from hyperverse_core.universe.address.point_template import PointTemplate
    from hyperverse_core.universe.address.star_key import StarKey
    from hyperverse_core.universe.address.surface import Surface
    from hyperverse_core.universe.address.template import PointCtx, PointVar
    from hyperverse_core.universe.address.topic import Topic
    from hyperverse_core.universe.commands.script import complete, parse_command, parse_script
    from hyperverse_core.universe.kind_defs.kind_template import KindTemplate
    from hyperverse_core.universe.kinds.kind import Kind
    from hyperverse_core.universe.kinds.kind_selector import KindSelector
    from hyperverse_core.universe.kinds.specific import Specific, SpecificSelector
    from hyperverse_core.universe.routing.bind import BindConfig
    from hyperverse_core.universe.routing.grammar import parse_pattern, parse_pipeline
    from hyperverse_core.universe.routing.mechtron_config import MechtronConfig
    from hyperverse_core.universe.routing.route_selector import RouteSelector
    from hyperverse_core.universe.selectors.hierarchy import Hierarchy
    from hyperverse_core.universe.selectors.selector import Selector
    from hyperverse_core.universe.text.version import Version, VersionReq
    from hyperverse_core.universe.waves.wave import Method

ROUND_TRIP: tuple[Callable[[str], Any], ...] = (
    Point.parse,
    PointVar.parse,
    PointCtx.parse,
    PointTemplate.parse,
    Surface.parse,
    StarKey.parse,
    Topic.parse,
    Version.parse,
    VersionReq.parse,
    Specific.parse,
    SpecificSelector.parse,
    Kind.parse,
    KindTemplate.parse,
    KindSelector.parse,
    Selector.parse,
    Hierarchy.parse,
    Permissions.parse,
    PermissionsMask.parse,
    GrantKind.parse,
    AccessGrant.parse,
    Scope.parse,
    Method.parse,
    RouteSelector.parse,
    parse_pattern,
    parse_pipeline,
    BindConfig.parse,
    MechtronConfig.parse,
    parse_command,
)
NO_TEXT_BACK: tuple[Callable[[str], Any], ...] = (parse_script, complete)
PARSERS = (*ROUND_TRIP, *NO_TEXT_BACK)


def one_input(data: bytes) -> None:
    """The first byte chooses the parser, the rest is the text."""
    if not data:
        return
    number = data[0] % len(PARSERS)
    parse = PARSERS[number]
    text = data[1:].decode("utf-8", errors="replace")
    try:
        value = parse(text)
    except ParseError:
        return
    if number < len(ROUND_TRIP):
        again = parse(str(value))
        if again != value:
            raise AssertionError(f"{text!r} prints as {value!s}, which is {again!r} and not {value!r}")


def seeds() -> list[bytes]:
    """The texts of the corpus, given to every parser."""
    texts: set[str] = set()
    folder = Path(__file__).parent.parent / "universe" / "cases"
    for path in sorted(folder.glob("*.json")):
        _collect(json.loads(path.read_text()), texts)
    return [bytes([number]) + text.encode() for text in sorted(texts) for number in range(len(PARSERS))]


def _collect(value: Any, texts: set[str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("input", "selector", "point", "kind", "method") and isinstance(inner, str):
                texts.add(inner)
            _collect(inner, texts)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, texts)


def main() -> None:
    """Runs until it is told to stop, or until something breaks."""
    for seed in seeds():
        one_input(seed)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
