"""Matching, against a second implementation that tries everything."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.address.point import ROOT, Point
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.selectors.hop import Hop, HopKind
from hyperverse_core.universe.selectors.selector import Selector
from thoroughness import examples


def _accepts(hop: Hop, text: str) -> bool:
    if hop.kind is HopKind.EXACT:
        return text == hop.text
    if hop.version is not None:
        return hop.version.matches_text(text)
    return not hop.is_dir or (text.endswith("/") and text != "/")


def naive(selector: Selector, point: Point, kinds: list[Kind]) -> bool:
    """The rules of docs/reference/selectors.md#what-matches, word by word."""
    hops, texts = selector.hops, [segment.text for segment in point.segments]
    if not texts:
        return selector.matches_root

    def from_here(done: int, at: int) -> bool:
        if at == len(texts):
            return done == len(hops) or hops[done - 1].inclusive
        if done == len(hops):
            return False
        hop = hops[done]
        most = len(texts) if hop.kind is HopKind.RECURSIVE else at + 1
        for end in range(at + 1, most + 1):
            if not _accepts(hop, texts[end - 1]):
                return False
            if hop.kinds.matches(kinds[end - 1]) and from_here(done + 1, end):
                return True
        return False

    return from_here(0, 0)


_names = st.sampled_from(["a", "b", "ab"])
_kinds = st.sampled_from(["A", "B", "B<C>", "A<C<p:v:q:r:1.0.0>>"]).map(Kind.parse)


@st.composite
def _points(draw: st.DrawFn) -> Point:
    mesh = draw(st.lists(_names, min_size=1, max_size=5))
    if draw(st.booleans()):
        mesh.append(draw(st.sampled_from(["1.0.0", "2.1.0", "1.0.0-a"])))
    files = ""
    if draw(st.booleans()):
        files = ":/" + "".join(f"{n}/" for n in draw(st.lists(_names, max_size=3)))
        files += draw(st.sampled_from(["", "a", "b"]))
    route = draw(st.sampled_from(["", "", "GLOBAL::"]))
    return ROOT if draw(st.integers(0, 20)) == 0 else Point.parse(route + ":".join(mesh) + files)


@st.composite
def _selectors(draw: st.DrawFn) -> Selector:
    kinds = st.sampled_from(["", "", "", "<A>", "<B<C>>", "<*<C<*:*:*:*:(^1)>>>"])
    plus = st.sampled_from(["", "", "+"])
    steps = st.sampled_from(["a", "b", "*", "**", "**"])
    hops = draw(st.lists(st.tuples(steps, kinds, plus).map("".join), min_size=1, max_size=5))
    if draw(st.integers(0, 3)) == 0:
        hops.append(draw(st.tuples(st.sampled_from(["(^1)", "1.0.0", "(>=2)"]), kinds, plus).map("".join)))
    text = ":".join(hops)
    if text.startswith("*") and draw(st.booleans()):
        text = f"+:{text}"
    if draw(st.integers(0, 2)) == 0:
        inside = st.tuples(st.sampled_from(["a", "*", "**"]), st.just("/"), plus).map("".join)
        text += ":/" + "".join(draw(st.lists(inside, max_size=2)))
        text += draw(st.sampled_from(["", "a", "*", "**", "**+"]))
    return Selector.parse(text)


@settings(max_examples=examples(1500))
@given(_selectors(), _points(), st.data())
@example(Selector.parse("+:**<Root>"), ROOT, None)
@example(Selector.parse("+:**<A>"), ROOT, None)
@example(Selector.parse("ROOT"), ROOT, None)
def test_a_selector_matches_what_trying_everything_finds(
    selector: Selector, point: Point, data: st.DataObject | None
) -> None:
    count = len(point.segments)
    kinds = [] if data is None else data.draw(st.lists(_kinds, min_size=count, max_size=count))
    assert selector.matches(point, kinds) == naive(selector, point, kinds)


@settings(max_examples=examples(500))
@given(st.lists(st.sampled_from(["a", "b<A>", "*", "*<B>", "*<B<C>>"]), min_size=1, max_size=3), _points(), st.data())
def test_kinds_between_two_stars_are_found_wherever_they_are(
    inside: list[str], point: Point, data: st.DataObject
) -> None:
    star = st.sampled_from(["**", "**", "**<A>"])
    around = st.lists(st.sampled_from(["a", "*<A>"]), max_size=1)
    hops = [*data.draw(around), data.draw(star), *inside, data.draw(star), *data.draw(around)]
    selector = Selector.parse(":".join(hops))
    count = len(point.segments)
    kinds = data.draw(st.lists(_kinds, min_size=count, max_size=count))
    assert selector.matches(point, kinds) == naive(selector, point, kinds)


@settings(max_examples=examples(200))
@given(st.lists(_selectors(), min_size=1, max_size=3), _points())
def test_everything_a_selector_matches_lies_at_or_below_its_query_root(selectors: list[Selector], point: Point) -> None:
    kinds = [Kind.parse("A")] * len(point.segments)
    for selector in selectors:
        if point.route.is_local and selector.matches(point, kinds):
            assert selector.query_root.is_parent_of(point)
            assert selector.anchor.is_parent_of(point)
            assert selector.query_root.is_parent_of(selector.anchor)


def test_many_hops_are_matched_like_few() -> None:
    deep = Point.parse(":".join("a" * 1 for _ in range(60)) + ":end")
    kinds = [Kind.parse("A")] * 61
    assert Selector.parse(":".join(["a"] * 60) + ":end").matches(deep, kinds)
    assert Selector.parse("**:" + ":".join(["*"] * 50) + ":end<A>").matches(deep, kinds)
    assert not Selector.parse(":".join(["a"] * 59) + ":end").matches(deep, kinds)


def test_selectors_without_end_take_no_time_to_speak_of() -> None:
    point = Point.parse(":".join(["a"] * 2000))
    kinds = [Kind.parse("A")] * 2000
    assert not Selector.parse(":".join(["**", "a"] * 15) + ":b").matches(point, kinds)
    assert not Selector.parse(":".join(["**<A>", "a"] * 200) + ":b").matches(point, kinds)
    assert Selector.parse(":".join(["**<A>", "a"] * 200)).matches(point, kinds)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("localhost:app:**<Mechtron>", "localhost:app"),
        ("localhost+:**", "ROOT"),
        ("localhost:app+:**", "localhost"),
        ("localhost:Base:x", "localhost"),
        ("Localhost:x", "ROOT"),
        ("a.b:c.d:e", "a.b"),
        ("localhost:repo:1.0.0:/x/**", "localhost:repo:1.0.0:/x/"),
        ("ROOT", "ROOT"),
    ],
)
def test_the_query_root_is_the_exact_beginning(text: str, root: str) -> None:
    assert str(Selector.parse(text).query_root) == root


@pytest.mark.parametrize("text", ["+**", "ROOT+**", "+:**", "ROOT+:**"])
def test_the_four_ways_of_writing_everything_print_as_one(text: str) -> None:
    assert str(Selector.parse(text)) == "+:**"


@pytest.mark.parametrize(
    ("text", "offset"),
    [("", 0), ("a::b", 1), ("a:", 2), ("a:(^1):b", 7), ("a<", 2), ("a b", 1), ("a:(^1", 5), ("ROOT:a", 0), ("/x", 0)],
)
def test_a_bad_selector_is_told_at_its_place(text: str, offset: int) -> None:
    with pytest.raises(ParseError) as caught:
        Selector.parse(text)
    assert caught.value.offset == offset


def test_the_selector_of_a_point_matches_that_point_only() -> None:
    point = Point.parse("localhost:repo:1.0.0:/bind/x.bind")
    selector = Selector.of(point)
    assert selector.is_exact
    assert selector.query_root == point
    kinds = [Kind.parse("A")] * 5
    assert selector.matches(point, kinds)
    assert point.parent is not None
    assert not selector.matches(point.parent, kinds[:4])
    assert Selector.of(ROOT).matches(ROOT, [])
    with pytest.raises(ParseError, match="GLOBAL::executor"):
        Selector.of(Point.parse("GLOBAL::executor"))


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        ("localhost:app:**<Mechtron>", "localhost:app"),
        ("localhost+:**", "localhost"),
        ("localhost:app+:**", "localhost:app"),
        ("localhost:app+:x+:y", "localhost:app"),
        ("+:**", "ROOT"),
        ("ROOT", "ROOT"),
    ],
)
def test_the_anchor_is_the_exact_beginning_with_an_inclusive_hop(text: str, anchor: str) -> None:
    assert str(Selector.parse(text).anchor) == anchor
