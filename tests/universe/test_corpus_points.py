"""Points, surfaces and what they are made of, against the cases of the corpus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hyperverse_core.errors import HyperverseError, NotFound, ParseError
from hyperverse_core.universe.address.env import Env
from hyperverse_core.universe.address.layer import Layer
from hyperverse_core.universe.address.point import Point, Route
from hyperverse_core.universe.address.point_template import PointTemplate
from hyperverse_core.universe.address.star_key import StarKey
from hyperverse_core.universe.address.surface import Surface
from hyperverse_core.universe.address.template import PointVar, scan_point_var
from hyperverse_core.universe.address.topic import Topic
from hyperverse_core.universe.kind_defs.particle_template import ParticleTemplate
from hyperverse_core.universe.routing.path_regex import PathRegex
from hyperverse_core.universe.selectors.hierarchy import Hierarchy
from hyperverse_core.universe.text import lexis
from universe.corpus import cases, cases_of, load, settle


def attempt(parse: Callable[[str], Any], text: str) -> Any:
    """The value, or None where the text is refused."""
    try:
        return parse(text)
    except HyperverseError:
        return None


def _read(case: dict[str, Any]) -> Any:
    text, mode = case["input"], case["mode"]
    match mode:
        case "point":
            return Point.parse(text)
        case "var":
            return PointVar.parse(text)
        case "var-prefix":
            value, end = scan_point_var(text, 0)
            assert text[end:] == case.get("rest", text[end:])
            return value
        case "to_point":
            return scan_point_var(text, 0)[0].collapse()
        case _:
            env = Env(Point.parse(case["env"]["working"]), case["env"]["vars"])
            if "context_form" in case:
                assert str(PointVar.parse(text).substitute(env)) == case["context_form"]
            return PointVar.parse(text).resolve(env)


@pytest.mark.parametrize("case", cases("points"))
def test_a_point_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    found = attempt(lambda _: _read(case), case["input"])
    settle("points", case, (found is not None) == case["valid"], found)
    if found is None:
        return
    if "route" in case:
        assert str(found.route) == case["route"]
    if "segments" in case:
        assert [[segment.kind.value, segment.text] for segment in found.segments] == case["segments"]
    if "to_string" in case:
        assert str(found) == case["to_string"]


def _operate(case: dict[str, Any]) -> Any:
    point = Point.parse(case["input"])
    match case["op"]:
        case "push":
            return point.child(case["seg"])
        case "parent":
            if point.parent is None:
                raise NotFound("none")
            return point.parent
        case _:
            return point.to_bundle()


@pytest.mark.parametrize("case", cases("point_ops"))
def test_an_operation_on_a_point_gives_what_the_corpus_says(case: dict[str, Any]) -> None:
    found = attempt(lambda _: _operate(case), case["input"])
    wanted = None if isinstance(case["result"], dict) else case["result"]
    settle("point_ops", case, (None if found is None else str(found)) == wanted, found)


_TEXTS: dict[str, Callable[[str], Any]] = {
    "surfaces": Surface.parse,
    "layers": Layer.parse,
    "topics": Topic.parse,
    "routes": Route.parse,
    "star_keys": StarKey.parse,
    "hierarchies": Hierarchy.parse,
}


@pytest.mark.parametrize(("file", "case"), cases_of(*_TEXTS))
def test_a_value_around_points_is_read_and_printed_as_the_corpus_says(file: str, case: dict[str, Any]) -> None:
    found = attempt(_TEXTS[file], case["input"])
    settle(file, case, (found is not None) == case["valid"], found)
    if found is not None:
        assert str(found) == case.get("to_string", case["input"])
    if "kind" in case:
        assert found.kind.value == case["kind"]
    if "point" in case:
        assert str(Point.of_star(found)) == case["point"]


def _path_regex(text: str) -> str | None:
    try:
        return str(PathRegex.parse(text))
    except ParseError:
        return None


_IDENTIFIERS: dict[str, Callable[[str], object]] = {
    "camel": lexis.CAMEL.fullmatch,
    "skewer": lexis.SKEWER.fullmatch,
    "domain": lexis.DOMAIN.fullmatch,
    "variable": lexis.VARIABLE.fullmatch,
    "path": lexis.PATH.fullmatch,
    "path_regex": _path_regex,
}


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        pytest.param(kind, case, id=f"{kind} {case['input']}")
        for kind, told in load("identifiers").items()
        for case in told
    ],
)
def test_a_small_word_is_accepted_or_refused_as_the_corpus_says(kind: str, case: dict[str, Any]) -> None:
    found = _IDENTIFIERS[kind](case["input"])
    settle("identifiers", case, (found is not None) == case["valid"], found)


@pytest.mark.parametrize("case", cases("templates"))
def test_a_template_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    found = attempt(ParticleTemplate.parse if "form" in case else PointTemplate.parse, case["input"])
    settle("templates", case, (found is not None) == case["valid"], found)
    if found is not None:
        assert str(found) == case["input"]
    if "child" in case:
        ((sort, child),) = case["child"].items()
        assert (found.child, found.is_pattern) == (child, sort == "Pattern")
        assert str(found.parent) == case["parent"]
