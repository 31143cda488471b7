"""What a save accepts comes back equal and of equal type; everything else is refused, and the field is named."""

from __future__ import annotations

import asyncio
import collections
import datetime
import enum
import threading
import types
import zoneinfo
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperverse_core import Particle
from hyperverse_core.errors import HandlerFailed
from hyperverse_core.fabric.particles.states import decode_state, encode_state
from hyperverse_core.plugins.class_checks.state import state_mistakes
from hyperverse_core.protocol.states.same import same
from protocol.state_types import TYPES, Color, Item, Name, Place, Rank

_VALUES = st.one_of([values for _, values in TYPES.values()])


def holding(annotation: Any) -> type[Particle]:
    """A particle class with one field."""
    made = type("Holder", (Particle,), {"__annotations__": {"f": annotation}, "f": attrs.field(default=None)})
    return attrs.define(made)


_CLASSES = {name: holding(annotation) for name, (annotation, _) in TYPES.items()}


def back(cls: type[Particle], value: Any) -> Any:
    """The value after a save and a restart."""
    before, after = cls(), cls()
    before.f = value  # type: ignore[attr-defined]
    decode_state(after, encode_state(before))
    return after.f  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TYPES)
def test_every_type_of_the_table_can_be_read_back(name: str) -> None:
    assert list(state_mistakes(_CLASSES[name])) == []


@settings(max_examples=600, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(TYPES)))
def test_a_value_that_fits_its_type_comes_back_as_it_was(data: st.DataObject, name: str) -> None:
    value = data.draw(TYPES[name][1])
    found = back(_CLASSES[name], value)
    assert same(found, value), (name, value, found)


@settings(max_examples=600, deadline=None)
@given(name=st.sampled_from(sorted(TYPES)), value=_VALUES)
def test_a_value_of_another_type_comes_back_as_it_was_or_is_refused(name: str, value: Any) -> None:
    try:
        found = back(_CLASSES[name], value)
    except HandlerFailed as exc:
        assert "'f'" in str(exc)
        return
    assert same(found, value), (name, value, found)


def _cycle() -> list[Any]:
    within: list[Any] = []
    within.append(within)
    return within


class _Loud(str):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not today")

    __hash__ = str.__hash__


@attrs.define
class _Picky:
    n: int = attrs.field(validator=attrs.validators.instance_of(int))


@attrs.define
class _Special(Item):
    more: int = 0


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 1.5),
        (int, "1"),
        (int, True),
        (int, None),
        (int, 2**64),
        (int, -(2**63) - 1),
        (int, Rank.LOW),
        (str, "\ud800"),
        (str, Name("x")),
        (str, b"x"),
        (bytes, "x"),
        (bytes, bytearray(b"x")),
        (float, "1.0"),
        (list[int], (1, 2)),
        (list[int], [1, 2.5]),
        (list, [(1, 2)]),
        (dict[str, int], {1: 2}),
        (dict[int, str], {"1": "a"}),
        (dict[int, str], collections.OrderedDict({1: "a"})),
        (collections.deque[int], collections.deque([1], maxlen=3)),
        (set[int], frozenset({1})),
        (Any, (1, 2)),
        (Any, {1, 2}),
        (Any, Rank.LOW),
        (Any, Item("a")),
        (Any, object()),
        (Any, _cycle()),
        (Any, {"a": datetime.date(2020, 1, 1)}),
        (Color, "red"),
        (Rank, 1),
        (Item, _Special("a")),
        (Item, {"name": "a"}),
        (_Picky, attrs.evolve),
        (datetime.date, datetime.datetime(2020, 1, 1)),
        (datetime.datetime, datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))),
        (datetime.date | str, "2020-01-01"),
        (Place, (1, "a")),
        (int | str, 1.5),
        (Name, _Loud("x")),
    ],
)
def test_a_value_that_would_not_come_back_is_refused_by_name(annotation: Any, value: Any) -> None:
    with pytest.raises(HandlerFailed, match="'f'"):
        back(holding(annotation), value)


class _Unsaid(enum.Enum):
    PAIR = (1, 2)


class _Shape(Protocol):
    size: int


@attrs.define
class _Holds:
    lock: threading.Lock


@pytest.mark.parametrize(
    "annotation",
    [
        threading.Lock,
        asyncio.Task[None],
        Callable[[], int],
        Iterator[int],
        types.ModuleType,
        type[int],
        complex,
        memoryview,
        _Shape,
        _Unsaid,
        _Holds,
        list[threading.Lock],
        dict[str, threading.Lock],
        dict[tuple[int, int], str],
        dict[Place, str],
        int | types.ModuleType,
        tuple[int, Callable[[], int]],
        "Missing",
    ],
)
def test_a_type_that_can_never_be_read_back_is_a_fault(annotation: Any) -> None:
    (fault,) = state_mistakes(holding(annotation))
    assert "the field 'f' could be saved but not read back" in str(fault)
