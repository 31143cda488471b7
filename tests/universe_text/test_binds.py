"""Which route of a bind takes a request."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperverse_core.errors import BadRequest, ParseError
from hyperverse_core.universe.address.env import Env
from hyperverse_core.universe.address.point import ANONYMOUS, Point
from hyperverse_core.universe.routing.bind import BindConfig
from hyperverse_core.universe.routing.grammar import parse_pipeline
from hyperverse_core.universe.routing.method_pattern import MethodPattern
from hyperverse_core.universe.routing.stop import CORE, REFLECT, Call, PointStop
from hyperverse_core.universe.waves.wave import Method

GET, POST, ADD = Method.parse("Http<Get>"), Method.parse("Http<Post>"), Method.parse("Ext<Add>")
SCOTT = Point.parse("localhost:users:scott")


def bind(routes: str) -> BindConfig:
    return BindConfig.parse(f"Bind(version=1.0.0) {{ {routes} }}")


def way(config: BindConfig, method: Method, path: str, topic: str | None = None, agent: Point | None = None) -> str:
    """The pipeline that is selected, as text; empty for none."""
    selected = config.select(method, path, topic, agent=agent)
    return "" if selected is None else str(selected.pipeline)


def test_the_first_route_in_the_document_wins() -> None:
    config = bind("Route<Http<Get>>/users/x -> a; Route<Http<Get>>/users -> b; Route<Http<*>> -> c; Route<*<*>> -> d;")
    assert [way(config, GET, path) for path in ("/users/x", "/users/y", "/z")] == ["-> a", "-> b", "-> c"]
    assert way(config, POST, "/users/x") == "-> c"
    assert way(config, ADD, "/users/x") == "-> d"


def test_nothing_takes_what_no_route_fits() -> None:
    config = bind("Route<Http<Get>>/users -> a;")
    assert config.select(GET, "/user") is None
    assert config.select(POST, "/users") is None
    assert BindConfig.parse("Bind(version=1.0.0) {}").select(GET, "/") is None


def test_a_path_expression_matches_from_the_start_and_need_not_reach_the_end() -> None:
    config = bind("Route<Http<Get>>/users -> a;")
    assert way(config, GET, "/users/7") == "-> a"
    assert way(config, GET, "/all/users") == ""


def test_what_every_level_captures_is_seen() -> None:
    config = bind("Route/(?P<a>[^/]+)/ -> { Http/[a-z]+/(?P<b>[a-z]+) -> { Get/.*/(?P<c>[^/]+)$ -> x:${a}; } }")
    selected = config.select(GET, "/one/two/three")
    assert selected is not None
    assert selected.captures == {"a": "one", "b": "two", "c": "three"}


def test_an_optional_group_that_did_not_take_part_is_not_captured() -> None:
    selected = bind("Route<Http<Get>>/users(/(?P<user>[^/]+))? -> a;").select(GET, "/users")
    assert selected is not None
    assert selected.captures == {}


def test_a_scope_whose_inside_does_not_fit_passes_on_to_the_next() -> None:
    config = bind("Route -> { Http -> { Get -> a; } Http -> { Post -> b; } } Route -> { * -> { Add -> c; } }")
    assert [way(config, method, "/") for method in (GET, POST, ADD)] == ["-> a", "-> b", "-> c"]


def test_any_family_still_means_the_named_method() -> None:
    config = bind("Route -> { <*> -> { <Get> -> a; <Add>/x -> b; } }")
    assert way(config, GET, "/") == "-> a"
    assert way(config, Method.parse("Ext<Get>"), "/") == "-> a"
    assert way(config, ADD, "/x") == "-> b"
    assert way(config, POST, "/x") == ""


def test_auth_admits_those_who_have_said_who_they_are() -> None:
    config = bind("Route<Http<Get>>(auth) -> a; Route<Http<Get>>(noauth) -> b;")
    assert way(config, GET, "/", agent=SCOTT) == "-> a"
    assert way(config, GET, "/", agent=ANONYMOUS) == "-> b"
    assert way(config, GET, "/") == "-> b"


def test_auth_with_a_point_admits_it_and_what_is_below() -> None:
    config = bind("Route<Http<Get>>(auth localhost:users) -> a;")
    assert way(config, GET, "/", agent=SCOTT) == "-> a"
    assert way(config, GET, "/", agent=Point.parse("localhost:usersx")) == ""


def test_a_topic_is_looked_at_where_one_is_named() -> None:
    config = bind("Route -> { [Topic<Cli>]::Ext<Add> -> a; [Topic<!>]::Ext<Add> -> b; Ext<Add> -> c; }")
    assert way(config, ADD, "/", "Topic<Cli>") == "-> a"
    assert way(config, ADD, "/", "Topic<Uuid>(x)") == "-> c"
    assert way(config, ADD, "/") == "-> c"


def test_the_pattern_in_front_of_a_block_counts_for_the_first_step() -> None:
    selected = bind("Route -[ Text ]-> { Ext<Add> -[ Text~json ]-> a => &; }").select(ADD, "/")
    assert selected is not None
    first, last = selected.pipeline.steps
    assert [first.accepts(body) for body in ("[1]", "no", 1)] == [True, False, False]
    assert last.accepts(None)


def test_stops_are_what_they_say() -> None:
    pipeline = parse_pipeline("-> (()) -> ((*)) -> a:${x} -> b^Http<Get>/${y}/z => &")
    core, again, point, call, reflect = [step.stop for step in pipeline.steps]
    assert (core, again, reflect) == (CORE, CORE, REFLECT)
    assert isinstance(point, PointStop)
    assert isinstance(call, Call)
    env = Env(variables={"x": "scott", "y": "7"})
    assert point.point.resolve(env) == Point.parse("a:scott")
    assert (str(call.method), call.resolve_path(env)) == ("Http<Get>", "/7/z")
    with pytest.raises(BadRequest, match="'y'"):
        call.resolve_path(Env())


def test_comments_stand_anywhere_and_keep_the_places() -> None:
    text = "Bind(version=1.0.0) { # one {\n  Route<Ext<Add>>/x# -> y\n -> (()) => &; # two }\n Rout -> {} }"
    with pytest.raises(ParseError) as caught:
        BindConfig.parse(text)
    assert (caught.value.line, caught.value.column, caught.value.text) == (4, 2, text)


@pytest.mark.parametrize(
    ("routes", "column", "expected"),
    [
        ("Routes<Ext<A>> -> a;", 23, "Route"),
        ("Route<Ex<A>> -> a;", 29, "Ext"),
        ("Route<Ext<a>> -> a;", 33, "a CamelCase name"),
        ("Route<Ext<A> -> a;", 35, "'>'"),
        ("Route<Ext<A>> a;", 37, "a step such as '->'"),
        ("Route<Ext<A>> -> a", 42, "';'"),
        ("Route<Ext<A>> -> ;", 39, "a point"),
        ("Route<Ext<A>> -> a:B;", 42, "a segment such as app"),
        ("Route<Ext<A>> -> a^Cmd<Read>;", 42, "Ext<...>"),
        ("Route<Ext<A>> -[ Txt ]-> a;", 40, "a substance such as Text, Bin or Json"),
        ("Route<Ext> -> a;", 34, "'-> {'"),
        ("Route -> { Ext -> { A -> a; }", 21, "'}'"),
        ("Route<Ext<A<B>>> -> a;", 34, "'>'"),
        ("Route<Ext<A>>/( -> a;", 37, None),
        ("Route(auht)<Ext<A>> -> a;", 34, None),
        ("[Topic<X>]::Route -> {}", 24, "Topic<Cli>"),
    ],
)
def test_an_error_says_where_and_what_was_expected(routes: str, column: int, expected: str | None) -> None:
    with pytest.raises(ParseError) as caught:
        bind(routes)
    assert caught.value.column == column
    assert expected is None or expected in caught.value.expected


@pytest.mark.parametrize("name", ["auht", "noauht"])
def test_an_unknown_filter_names_the_nearest(name: str) -> None:
    with pytest.raises(ParseError, match=f"unknown filter '{name}'; did you mean"):
        bind(f"Route<Ext<A>>({name}) -> a;")


_WRITTEN = (
    "/a /a/b /ab /[^/]+/b /(?P<x>[^/]+)/c /[a-c]+/(?P<y>[^/]+)/d /.*/b /a/?b /a(/b)?/c /(a|b)/c /(?i:a)/b /.* /a[bc]/d "
    "/a$ /b/c$ /b?/a /[^a]+/b"
)
_EXPRESSIONS = _WRITTEN.split()
_METHODS = ["Http<Get>", "Http<*>", "*<Get>", "*<*>", "Ext<Add>", "Ext<Get>"]


@given(
    st.lists(st.tuples(st.sampled_from(_METHODS), st.sampled_from(_EXPRESSIONS)), max_size=40),
    st.sampled_from([GET, POST, ADD, Method.parse("Ext<Get>")]),
    st.lists(st.sampled_from(["a", "b", "c", "d", "ab", "A", "", "abc"]), max_size=5).map("/".join),
)
def test_selection_agrees_with_trying_every_route(routes: list[tuple[str, str]], method: Method, path: str) -> None:
    config = bind(" ".join(f"Route<{name}>{regex} -> a:n{i};" for i, (name, regex) in enumerate(routes)))
    fitting = [
        f"-> a:n{i}"
        for i, (name, regex) in enumerate(routes)
        if MethodPattern.parse(name).matches(method) and re.match(regex, "/" + path)
    ]
    assert way(config, method, "/" + path) == (fitting[0] if fitting else "")


def test_many_routes_are_found_in_the_order_of_the_document() -> None:
    routes = [f"Route<Http<Get>>/{'x' * (i % 15)} -> a:n{i};" for i in range(60)]
    config = bind(" ".join(routes))
    for length in range(20):
        path = "/" + "x" * length
        first = next(i for i in range(60) if i % 15 <= length)
        assert way(config, GET, path) == f"-> a:n{first}"
