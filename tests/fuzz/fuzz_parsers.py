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
    from hyperverse_core.universe.access import Access  # noqa: F401 - instrumented with the rest
    from hyperverse_core.universe.bind import BindConfig
    from hyperverse_core.universe.grant import AccessGrant, GrantKind
    from hyperverse_core.universe.hierarchy import Hierarchy
    from hyperverse_core.universe.kind import Kind
    from hyperverse_core.universe.kind_selector import KindSelector
    from hyperverse_core.universe.kind_template import KindTemplate
    from hyperverse_core.universe.mechtron_config import MechtronConfig
    from hyperverse_core.universe.pattern import Pattern
    from hyperverse_core.universe.permissions import Permissions, PermissionsMask
    from hyperverse_core.universe.pipeline import Pipeline
    from hyperverse_core.universe.point import Point
    from hyperverse_core.universe.point_template import PointTemplate
    from hyperverse_core.universe.route_selector import RouteSelector
    from hyperverse_core.universe.scope import Scope
    from hyperverse_core.universe.script import complete, parse_command, parse_script
    from hyperverse_core.universe.selector import Selector
    from hyperverse_core.universe.specific import Specific, SpecificSelector
    from hyperverse_core.universe.star_key import StarKey
    from hyperverse_core.universe.surface import Surface
    from hyperverse_core.universe.template import PointCtx, PointVar
    from hyperverse_core.universe.topic import Topic
    from hyperverse_core.universe.version import Version, VersionReq
    from hyperverse_core.universe.wave import Method

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
    Pattern.parse,
    Pipeline.parse,
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
