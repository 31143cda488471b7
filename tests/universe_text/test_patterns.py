"""Substance patterns: which bodies pass."""

from __future__ import annotations

from typing import Any

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.routing.grammar import parse_pattern
from hyperverse_core.universe.routing.route_selector import RouteSelector
from hyperverse_core.universe.waves.wave import Method

BODIES: dict[str, Any] = {
    "none": None,
    "text": "a",
    "json text": '{"a": 1}',
    "bin": b"\x00",
    "json bin": b"[1]",
    "png": b"\x89PNG\r\n\x1a\n0000",
    "true": True,
    "int": 7,
    "float": 0.5,
    "list": [1],
    "texts": ["a", "b"],
    "map": {"a": b"x", "b": "y"},
    "json map": {"a": [1, {"b": None}]},
}


@pytest.mark.parametrize(
    ("text", "passing"),
    [
        ("*", list(BODIES)),
        ("", ["none"]),
        ("Empty", ["none"]),
        ("Text", ["text", "json text"]),
        ("Text~json", ["json text"]),
        ("Bin", ["bin", "json bin", "png"]),
        ("Bin~json", ["json bin"]),
        ("Bin~image", ["png"]),
        ("Boolean", ["true"]),
        ("Int", ["int"]),
        ("List", ["list", "texts"]),
        ("Text[]", ["texts"]),
        ("Text[2]", ["texts"]),
        ("Text[3-4]", []),
        ("Int[0-1]", ["list"]),
        ("Map", ["map", "json map"]),
        ("Map{}", []),
        ("Map{*}", ["map", "json map"]),
        ("Map { [ a<Bin>, b<Text> ] }", ["map"]),
        ("Map { [ a<Bin> ] *<Text> }", ["map"]),
        ("Map { [ a<Bin> ] *<Bin> }", []),
        ("Map { [ a<*> ] }", ["json map"]),
        ("Json", ["text", "json text", "true", "int", "float", "list", "texts", "json map"]),
        ("*~json", ["none", "json text", "json bin", "true", "int", "float", "list", "texts", "json map"]),
    ],
)
def test_a_pattern_passes_the_bodies_it_names(text: str, passing: list[str]) -> None:
    pattern = parse_pattern(text)
    assert [name for name, body in BODIES.items() if pattern.matches(body)] == passing


def test_a_validator_is_named_and_not_asked() -> None:
    pattern = parse_pattern("Json~localhost:check^Ext<Check>/x+localhost:config")
    assert pattern.matches([1])
    assert pattern.validator is not None
    assert str(pattern.validator) == "localhost:check^Ext<Check>/x+localhost:config"


@pytest.mark.parametrize("text", ["Txt", "Text[2-1]", "Text~xml", "Map{", "Map{ [ a ] }", "Text Text", "~json"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_pattern(text)


@pytest.mark.parametrize(
    ("text", "method", "path", "captures"),
    [
        ("Ext<Add>", "Ext<Add>", "/", {}),
        ("Ext<Add>", "Ext<Sub>", "/", None),
        ("Ext<*>", "Ext<Sub>", "/x", {}),
        ("*", "Cmd<Read>", "/", {}),
        ("*<Get>", "Ext<Get>", "/", {}),
        ("Http<Get>/users/(?P<user>[^/]+)", "Http<Get>", "/users/scott/mail", {"user": "scott"}),
        ("Http<Get>/users", "Http<Get>", "/all/users", None),
        ("[Topic<*>]::Ext<X>", "Ext<X>", "/", {}),
        ("[Topic<Cli>]::Ext<X>", "Ext<X>", "/", None),
        ("Ext<X>(auth)", "Ext<X>", "/", None),
        ("Ext<X>(noauth)/y", "Ext<X>", "/y", {}),
    ],
)
def test_a_route_selector_matches(text: str, method: str, path: str, captures: dict[str, str] | None) -> None:
    assert RouteSelector.parse(text).matches(Method.parse(method), path) == captures


def test_a_route_selector_with_a_topic_wants_it() -> None:
    selector = RouteSelector.parse("[Topic<Uuid>(abc)]::Ext<X>")
    method = Method.parse("Ext<X>")
    assert selector.matches(method, "/", "Topic<Uuid>(abc)") == {}
    assert selector.matches(method, "/", "Topic<Uuid>(abd)") is None


@pytest.mark.parametrize(
    "text", ["", "Ext", "Ext<Add", "Foo<Add>", "Ext<A<B>>", "Ext<Add>users", "Ext<X>(what)", "Ext<X>/("]
)
def test_what_is_no_route_selector_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        RouteSelector.parse(text)
