"""Kinds as plugins declare them."""

from __future__ import annotations

import pytest

from hyperverse_core.errors import BadRequest, ParseError, UnknownKind
from hyperverse_core.universe.kind_defs.kind_def import KindDef, resolve
from hyperverse_core.universe.kind_defs.standard_kinds import STANDARD_KINDS
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.kinds.specific import Specific


def test_a_plugin_declares_a_kind_in_one_line() -> None:
    counter = KindDef("Counter", doc="A durable counter")
    assert resolve(Kind.parse("Counter"), {"Counter": counter}) == Kind("Counter")
    assert not counter.eager
    assert counter.may_live_under(Kind("Space"))


def test_an_unknown_kind_is_told_with_the_nearest_names() -> None:
    with pytest.raises(UnknownKind, match="'Spce'") as caught:
        resolve(Kind("Spce"), STANDARD_KINDS)
    assert "did you mean 'Space'" in caught.value.hint


def test_parents_and_children_are_kind_selectors() -> None:
    shelf = KindDef("Shelf", parents=("Space", "<File<Dir>>"), children=("Book",))
    assert shelf.may_live_under(Kind("File", "Dir"))
    assert not shelf.may_live_under(Kind("File", "File"))
    assert shelf.may_hold(Kind("Book"))
    assert not shelf.may_hold(Kind("Space"))
    with pytest.raises(ParseError):
        KindDef("Shelf", parents=("no kind",))
    with pytest.raises(BadRequest, match="layer plan"):
        KindDef("Shelf", layers="some")
    with pytest.raises(BadRequest, match="'sub'"):
        KindDef("Shelf", subs=("sub",))


def test_a_kind_is_checked_when_it_is_made() -> None:
    with pytest.raises(ParseError, match="'space'"):
        Kind("space")
    with pytest.raises(BadRequest):
        Kind("Database", None, Specific.parse("a:b:c:d:1.0.0"))


def test_a_kind_prints_in_full_and_equal_kinds_are_equal() -> None:
    kind = Kind.parse("Database<Relational<mechtronhub.com:postgres.org:postgres:gis:8.0.0>>")
    specific = Specific.parse("mechtronhub.com:postgres.org:postgres:gis:8.0.0")
    assert kind == Kind("Database", "Relational", specific)
    assert str(Kind("File", "File")) == "File<File>"


@pytest.mark.parametrize(
    ("text", "offset"),
    [("", 0), ("space", 0), ("File<", 5), ("File<file>", 5), ("File<Dir", 8), ("A<B<c>>", 5), ("A>", 1)],
)
def test_a_bad_kind_is_told_at_its_place(text: str, offset: int) -> None:
    with pytest.raises(ParseError) as caught:
        Kind.parse(text)
    assert caught.value.offset == offset
