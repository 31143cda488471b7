"""Binds, pipelines, scopes and Mechtron configurations, against the cases of the corpus."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.routing.bind import BindConfig, RouteScope
from hyperverse_core.universe.routing.filters import Filter
from hyperverse_core.universe.routing.grammar import parse_arrow, parse_pipeline, parse_step, parse_stop
from hyperverse_core.universe.routing.mechtron_config import ConfigLine, MechtronConfig
from hyperverse_core.universe.routing.pipeline import Step
from hyperverse_core.universe.routing.route_selector import RouteSelector
from hyperverse_core.universe.routing.scope_text import (
    CLOSER_OF,
    scan_block,
    scan_document_head,
    scan_filters,
    scan_names,
    scan_scope,
)
from hyperverse_core.universe.routing.stop import Call, CoreStop, PointStop
from hyperverse_core.universe.waves.wave import Method
from universe.corpus import load
from universe_text.settled import cases, settle

_OPENER = {"curly": "{", "paren": "(", "parens": "(", "square": "[", "angle": "<"}

# The cases of bind_select name these binds without their text.
_BINDS = {
    "http_get": "Route<Http> -> { <Get> -> ((*)) => &; }",
    "http_star": "Route -> { <Http<*>>/users -> localhost:users => &; }",
    "star_bind": "Route<Hyp<Transport>> -> (()); Route<Hyp<Assign>> -> (()) => &; "
    "Route<Hyp<Search>> -> (()) => &; Route<Hyp<Provision>> -> (()) => &;",
    "d_any": "Route<*> -> { <*> -> (()) => &; }",
}


def _bind(name: str) -> BindConfig:
    if name in _BINDS:
        return BindConfig.parse(f"Bind(version=1.0.0) {{ {_BINDS[name]} }}")
    return BindConfig.parse(next(case["input"] for case in load("bind_configs") if case["name"] == name))


def _step(step: Step) -> str:
    stop = step.stop
    if isinstance(stop, Call):
        said = f"Call({stop.point}^{stop.method}{stop.path})"
    else:
        said = (
            f"Point({stop.point})"
            if isinstance(stop, PointStop)
            else "Core"
            if isinstance(stop, CoreStop)
            else "Reflect"
        )
    return f"({step.entry.name.capitalize()}, {step.exit.name.capitalize()}, 0) -> {said}"


def _tree(route: RouteScope) -> dict[str, Any]:
    """The scope as the cases describe one."""
    return {
        "filters": [[one.name, one.args] for one in route.condition.filters],
        "path": str(route.condition.path or ".*"),
        "msgs": [
            {
                "kind": str(wave.kind or "*"),
                "path": str(wave.condition.path or ".*"),
                "methods": [
                    {
                        "dbg": [_step(step) for step in method.pipeline.steps],
                        "filters": [[one.name, one.args] for one in method.condition.filters],
                        # The cases record no method under '*'.
                        "method": str(method.method) if wave.kind else "*",
                        "path": str(method.condition.path or ".*"),
                        "pipeline": len(method.pipeline.steps),
                    }
                    for method in wave.methods
                ],
            }
            for wave in route.waves
        ],
    }


@pytest.mark.parametrize("case", cases("bind_configs"))
def test_a_bind_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    try:
        bind = BindConfig.parse(case["input"])
    except ParseError as error:
        settle("bind_configs", case, not case["valid"], error)
        return
    settle("bind_configs", case, case["valid"], bind)
    assert BindConfig.parse(str(bind)) == bind
    if "routes" in case:
        assert [_tree(route) for route in bind.routes] == case["routes"]


@pytest.mark.parametrize("case", cases("bind_select"))
def test_a_bind_selects_as_the_corpus_says(case: dict[str, Any]) -> None:
    selected = _bind(case["bind"]).select(Method.parse(case["method"]), case["path"])
    settle("bind_select", case, (selected is not None) == case["matches"], selected)


@pytest.mark.parametrize("case", cases("pipelines"))
def test_a_pipeline_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    parse: Any = {"step": parse_arrow, "segment": parse_step, "stop": parse_stop, "pipeline": parse_pipeline}
    try:
        found = parse[case["what"]](case["input"])
    except ParseError as error:
        settle("pipelines", case, not case["valid"], error)
        return
    settle("pipelines", case, case["valid"], found)
    assert parse[case["what"]](str(found)) == found
    count = re.match(r"\d", case.get("note", ""))
    if case["what"] == "pipeline" and count is not None:
        assert len(found.steps) == int(count[0])


@pytest.mark.parametrize("case", cases("blocks"))
def test_a_block_ends_where_the_corpus_says(case: dict[str, Any]) -> None:
    text, opener = case["input"], _OPENER.get(case["kind"], case["kind"][:1])
    try:
        end = scan_block(text, 0)
        assert text[0] == opener
        assert text[end - 1] == CLOSER_OF[opener]
        rest: str | None = text[end:]
    except ParseError:
        rest = None
    settle("blocks", case, (rest == case.get("rest", "")) == case["valid"], rest)


@pytest.mark.parametrize("case", cases("stacked_names"))
def test_stacked_names_are_taken_apart_as_the_corpus_says(case: dict[str, Any]) -> None:
    try:
        (name, *inner), end = scan_names(case["input"], 0)
        assert end == len(case["input"])
    except ParseError as error:
        settle("stacked_names", case, not case["valid"], error)
        return
    settle("stacked_names", case, case["valid"], name)
    assert (name, _children(inner)) == (case["name"], case["children"])


def _children(names: list[str]) -> str | None:
    said = None
    for name in reversed(names):
        said = f"<{name}{said or ''}>"
    return said


@pytest.mark.parametrize("case", cases("lex_scopes"))
def test_a_scope_is_taken_apart_as_the_corpus_says(case: dict[str, Any]) -> None:
    try:
        scope, end = scan_scope(case["input"], 0)
        assert end == len(case["input"])
    except ParseError as error:
        settle("lex_scopes", case, not case["valid"], error)
        return
    settle("lex_scopes", case, case["valid"], scope)
    assert scope.names[0] == case["name"]
    assert _children(list(scope.names[1:])) == case["children"]
    assert (scope.path.text if scope.path else None) == case["path"]
    assert [[one.name, one.args] for one in scope.filters] == case["filters"]
    assert (scope.arrow.text if scope.arrow else None) == case["step"]
    assert scope.content.text == case["content"]
    assert scope.is_block == case["kind"].startswith("Nested")


@pytest.mark.parametrize("case", cases("scope_filters"))
def test_filters_are_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    try:
        filters, end = scan_filters(case["input"], 0)
    except ParseError as error:
        settle("scope_filters", case, not case["valid"], error)
        return
    settle("scope_filters", case, case["valid"], filters)
    if "rest" in case:
        assert case["input"][end:] == case["rest"]
    if "filters" in case:
        assert filters == tuple(Filter(name, args) for name, args in case["filters"])


@pytest.mark.parametrize("case", cases("root_scope_selectors"))
def test_a_documents_head_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    try:
        head, end = scan_document_head(case["input"])
    except ParseError as error:
        settle("root_scope_selectors", case, not case["valid"], error)
        return
    settle("root_scope_selectors", case, case["valid"], head)
    assert case["input"][end:] == case["rest"]


@pytest.mark.parametrize("case", cases("route_selectors"))
def test_a_route_selector_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    found = re.fullmatch(r'#\[route\("(.*)"\)\]', case["input"])
    assert found is not None
    try:
        selector = RouteSelector.parse(found[1])
    except ParseError as error:
        settle("route_selectors", case, not case["valid"], error)
        return
    settle("route_selectors", case, case["valid"], selector)
    topic = None if selector.topic is None else str(selector.topic)
    assert (str(selector.method), str(selector.path), topic) == (case["method"], case["path"], case["topic"])
    assert RouteSelector.parse(str(selector)) == selector


@pytest.mark.parametrize("case", cases("assignments"))
def test_an_assignment_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    try:
        assignment = ConfigLine.parse(case["input"])
    except ParseError as error:
        settle("assignments", case, not case["valid"], error)
        return
    settle("assignments", case, case["valid"], assignment)
    if "key" in case:
        assert (assignment.key, assignment.value) == (case["key"], case["value"])


@pytest.mark.parametrize("case", cases("mechtron_configs"))
def test_a_mechtron_configuration_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    try:
        config = MechtronConfig.parse(case["input"])
    except ParseError as error:
        settle("mechtron_configs", case, not case["valid"], error)
        return
    settle("mechtron_configs", case, case["valid"], config)
    assert MechtronConfig.parse(str(config)) == config
