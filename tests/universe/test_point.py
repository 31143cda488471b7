"""Points: what is derived from them, and what they refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperverse_core.errors import NotFound, ParseError
from hyperverse_core.universe.address.point import HYPERUSER, ROOT, Point, SegmentKind, scan_point
from hyperverse_core.universe.address.star_key import StarKey
from universe.strategies import points


def test_equal_texts_are_one_point() -> None:
    assert Point.parse("localhost:app") is Point.parse("localhost:app")
    assert Point.parse(".::localhost:app") is Point.parse("localhost:app")


_PIECES = ("a", "b-1", "z.y", ".", "..", "-", ":", "::", ":/", "/", "0", "01", "1.0.0", "-rc", "-01", "A", "_", "\n")
_PREFIXES = ("", ".::", "GLOBAL::", "HUB::", "[tag]::", "<<STAR::a:b[0]>>::", "my-host.com::", "127.0.0.1::", "a..b::")


@given(
    st.builds("{}{}".format, st.sampled_from(_PREFIXES), st.lists(st.sampled_from(_PIECES), max_size=8).map("".join))
)
def test_a_text_is_a_point_by_itself_exactly_when_it_is_one_inside_a_text(text: str) -> None:
    try:
        by_itself: Point | None = Point.parse(text)
    except ParseError:
        by_itself = None
    try:
        point, end = scan_point(f"{text};", 0)
    except ParseError:
        assert by_itself is None
    else:
        assert (by_itself == point) == (end == len(text))


@pytest.mark.parametrize("length", [1, 255, 256, 257, 258, 70_000])
@pytest.mark.parametrize("start", ["a", "a:b", "a:/b", "GLOBAL::a", "my-host.com::a"])
def test_a_point_may_be_of_any_length(start: str, length: int) -> None:
    text = start + "c" * (length - len(start))
    assert Point.parse(text) == Point.parse(text)
    assert Point.parse(text).text == text
    with pytest.raises(ParseError) as caught:
        Point.parse(f"{text}\n")
    assert caught.value.offset == len(text)


@given(points())
def test_a_child_of_its_parent_by_its_name_is_the_point_itself(point: Point) -> None:
    if point.parent is not None:
        assert point.parent.child(point.name) == point
        assert point.parent.is_ancestor_of(point)
        assert not point.is_ancestor_of(point.parent)


@given(points(), points())
def test_ancestors_are_exactly_the_points_that_lie_above(one: Point, other: Point) -> None:
    assert one.is_ancestor_of(other) == (one in set(other.ancestors()))
    for above in one.ancestors():
        assert above.is_ancestor_of(one)
        assert above.segments == one.segments[: len(above.segments)]


def test_ancestors_come_nearest_first_and_end_at_the_root_of_the_route() -> None:
    texts = [str(above) for above in Point.parse("GLOBAL::repo:1.0.0:/bind/star.bind").ancestors()]
    assert texts == [
        "GLOBAL::repo:1.0.0:/bind/",
        "GLOBAL::repo:1.0.0:/",
        "GLOBAL::repo:1.0.0",
        "GLOBAL::repo",
        "GLOBAL::ROOT",
    ]


@pytest.mark.parametrize(
    ("point", "child"),
    [
        ("localhost", ":x"),
        ("localhost", "b::c"),
        ("localhost", ""),
        ("localhost:/f.txt", "x"),
        ("localhost:1.0.0", "x"),
        ("ROOT", "GLOBAL::x"),
        ("ROOT", "ROOT"),
        ("localhost:/d/", "../x"),
    ],
)
def test_a_child_that_would_not_lie_below_is_refused(point: str, child: str) -> None:
    with pytest.raises(ParseError):
        Point.parse(point).child(child)


def test_a_point_of_another_route_lies_below_no_point_of_this_one() -> None:
    assert not Point.parse("localhost").is_ancestor_of(Point.parse("localhost::base"))
    assert not ROOT.is_ancestor_of(Point.parse("GLOBAL::executor"))
    assert ROOT.is_ancestor_of(HYPERUSER)


def test_a_name_that_begins_like_another_is_not_below_it() -> None:
    assert not Point.parse("localhost:app").is_ancestor_of(Point.parse("localhost:apple"))


def test_the_star_key_is_that_of_the_route() -> None:
    key = StarKey.parse("STAR::central:fold[0]")
    assert Point.of_star(key).star_key == key
    assert Point.of_star(key).child("drivers").star_key == key
    assert Point.parse("<<what-ever>>::star").star_key is None
    assert Point.parse("localhost").star_key is None


def test_bundles_and_artifacts_are_known_by_their_segments() -> None:
    file = Point.parse("localhost:repo:my:1.0.0:/bind/x.bind")
    assert file.is_artifact
    assert file.to_bundle() == Point.parse("localhost:repo:my:1.0.0")
    assert file.filepath == "/bind/x.bind"
    assert file.truncate(SegmentKind.BASE) == Point.parse("localhost:repo")
    assert Point.parse("localhost").filepath is None
    with pytest.raises(NotFound, match="localhost:repo"):
        Point.parse("localhost:repo").to_bundle()


@pytest.mark.parametrize(
    ("text", "offset", "hint"),
    [
        ("localhost:Base", 10, "lower case"),
        ("local..host", 5, "dots"),
        ("localhost:1.0", 10, "three numbers"),
        ("localhost:1.0.0:x", 16, "filesystem"),
        ("localhost/x", 9, "':/'"),
        ("localhost:/a/../b", 13, "'.' or '..'"),
        ("..:x", 0, "working point"),
        ("${x}:y", 0, "by its value"),
        ("ROOT:x", 4, "ROOT"),
        ("a:1.0.0-01", 8, ""),
        ("a:18446744073709551616.0.0", 2, ""),
    ],
)
def test_a_bad_point_is_told_at_its_place_and_how_to_mend_it(text: str, offset: int, hint: str) -> None:
    with pytest.raises(ParseError) as caught:
        Point.parse(text)
    assert caught.value.offset == offset
    assert hint in caught.value.hint
    assert caught.value.expected


@pytest.mark.parametrize("end", [" ", "<Space>", "@Core", ";", ",", "=>&", "^Http<Get>", ")", "]", "}", "'", "%"])
def test_a_point_ends_where_the_text_around_it_goes_on(end: str) -> None:
    assert scan_point(f"at localhost:app{end}", 3) == (Point.parse("localhost:app"), 16)


def test_more_points_than_are_remembered_are_still_points() -> None:
    kept = Point.parse("localhost:kept")
    for number in range(70_000):
        Point.parse(f"localhost:p{number}")
    assert Point.parse("localhost:kept") == kept
    assert hash(Point.parse("localhost:kept")) == hash(kept)


def test_points_are_ordered_by_their_text() -> None:
    texts = ["localhost:b", "ROOT", "localhost", "GLOBAL::x"]
    assert [str(point) for point in sorted(map(Point.parse, texts))] == sorted(texts)
