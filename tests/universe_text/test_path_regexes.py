"""Path expressions: what passes, and what is refused because a path could make it expensive."""

from __future__ import annotations

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.routing.path_regex import PathRegex


@pytest.mark.parametrize(
    ("text", "path", "captures"),
    [
        (".*", "/anything", {}),
        ("/users/(?P<user>[^/]+)", "/users/scott/x", {"user": "scott"}),
        ("/users/(?P<user>.*$)", "/users/scott/x", {"user": "scott/x"}),
        ("/(?P<a>.*)/x/(?P<b>.*)/y", "/1/x/2/y", {"a": "1", "b": "2"}),
        ("/(json|xml)/(?P<n>\\d{1,3})", "/xml/12", {"n": "12"}),
        ("(?i)/Users", "/uSERS", {}),
        ("/(?:ab)*c", "/ababc", {}),
        ("/x", "/y", None),
        ("/users", "/all/users", None),
    ],
)
def test_an_expression_captures_from_the_start_of_a_path(text: str, path: str, captures: dict[str, str] | None) -> None:
    assert PathRegex.parse(text).captures(path) == captures


@pytest.mark.parametrize(
    "text",
    [
        "/(a+)+",
        "/(a*)*b",
        "/(?:a|aa)*b",
        "/(?:a.|.b)*c",
        "/(a?){30}a{30}",
        "/(?:aa?)*b",
        "/a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaa",
        "/.*a.*b.*c",
        "/(?P<a>.)(?P=a)",
        "/(?:){1000000}",
        "/(x)(?(1)a|b)",
        "/(?:(?:a|b)|c.)*",
        "/" + "(a|bc)" * 20,
    ],
)
def test_an_expression_that_may_take_for_ever_is_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        PathRegex.parse(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["/(", "/[", "/a**", "/(?P<1>x)", "/\\", "/(?<=a*)b", "/a{3,2}", "/a{99999999999}", "/x(?i)"]
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="bad path expression"):
        PathRegex.parse(text)


def test_an_expression_that_is_too_long_is_refused() -> None:
    with pytest.raises(ParseError, match="too long"):
        PathRegex.parse("/" + "a" * 3_000)


def test_expressions_that_overlap_twice_are_not_tried_on_long_paths() -> None:
    regex = PathRegex.parse("/.*x.*y")
    assert regex.captures("/xy") == {}
    assert regex.captures("/" + "x" * 3_000 + "y") is None


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("/users/(?P<a>.*)", "/users/"), ("^/a", "/a"), ("/ab?", "/a"), ("(?i)/a", ""), (".*", ""), ("/a|/b", "/")],
)
def test_the_prefix_is_what_every_path_starts_with(text: str, prefix: str) -> None:
    assert PathRegex.parse(text).prefix == prefix


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("/users/(?P<u>[^/]+)/posts/x", ((1, "users"), (3, "posts"), (4, "x"))),
        ("/(?P<a>\\d+)/b[0-9]", ((2, "b"),)),
        ("/a/.*/b", ((1, "a"),)),
        ("/x(/y)?/z", ((1, "x"),)),
        ("(?i)/a", ()),
    ],
)
def test_the_starts_are_what_segments_start_with(text: str, starts: tuple[tuple[int, str], ...]) -> None:
    assert PathRegex.parse(text).starts == starts
