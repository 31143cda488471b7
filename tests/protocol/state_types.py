"""Types that a durable field may have, each with values that it takes."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar, Union

import attrs
from hypothesis import strategies as st

from hyperverse_core import Point

_T = TypeVar("_T")
UserId = NewType("UserId", int)


class Color(enum.Enum):
    RED = "red"
    BLUE = 2


class Rank(enum.IntEnum):
    LOW = 1
    HIGH = 9


class Word(enum.StrEnum):
    A = "a"


class Bits(enum.Flag):
    ONE = 1
    TWO = 2


class Name(str):
    __slots__ = ()


class Meters(float):
    __slots__ = ()


class Place(NamedTuple):
    x: int
    name: str


class Options(TypedDict, total=False):
    deep: int
    names: list[str]


@attrs.define
class Item:
    name: str
    price: float = 0.0
    tags: list[str] = attrs.field(factory=list)
    made: int = attrs.field(init=False, default=3)


@attrs.frozen
class Order:
    items: list[Item]
    by_day: dict[datetime.date, Item] = attrs.field(factory=dict)
    color: Color | None = None


@attrs.define
class Box(Generic[_T]):
    content: _T


@attrs.define
class Tree:
    value: int
    below: list[Tree] = attrs.field(factory=list)


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_ints = st.integers(-(2**63), 2**64 - 1)
_floats = st.floats()
_colors = st.sampled_from(Color)
_dates = st.dates()
_moments = st.datetimes(timezones=st.sampled_from([None, datetime.UTC, datetime.timezone(datetime.timedelta(hours=2))]))
_items = st.builds(Item, _texts, _floats | _ints, st.lists(_texts, max_size=2))
_plain = st.recursive(
    st.none() | st.booleans() | _ints | _floats | _texts | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts | _ints, inner, max_size=3),
    max_leaves=6,
)
_trees = st.recursive(
    st.builds(Tree, _ints), lambda inner: st.builds(Tree, _ints, st.lists(inner, max_size=2)), max_leaves=4
)

TYPES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "int": (int, _ints),
    "float": (float, _floats | st.integers(-(2**53), 2**53)),
    "bool": (bool, st.booleans()),
    "str": (str, _texts),
    "bytes": (bytes, st.binary(max_size=4)),
    "bytearray": (bytearray, st.binary(max_size=4).map(bytearray)),
    "none": (None, st.none()),
    "optional": (Optional[int], st.none() | _ints),  # noqa: UP045 - the old way to write it
    "union": (int | str, _ints | _texts),
    "old_union": (Union[int, str, None], st.none() | _ints | _texts),  # noqa: UP007 - the old way to write it
    "rich_union": (datetime.date | int | list[str], _dates | _ints | st.lists(_texts, max_size=3)),
    "record_union": (Item | Tree | None, st.none() | _items | _trees),
    "literal": (Literal["a", 1, None], st.sampled_from(["a", 1, None])),
    "list": (list[int], st.lists(_ints, max_size=3)),
    "bare_list": (list, st.lists(_plain, max_size=3)),
    "tuple": (tuple[int, str], st.tuples(_ints, _texts)),
    "tuples": (tuple[float, ...], st.lists(_floats, max_size=3).map(tuple)),
    "set": (set[str], st.sets(_texts, max_size=3)),
    "frozenset": (frozenset[datetime.date], st.frozensets(_dates, max_size=3)),
    "deque": (collections.deque[int], st.lists(_ints, max_size=3).map(collections.deque)),
    "dict": (dict[str, int], st.dictionaries(_texts, _ints, max_size=3)),
    "int_keys": (dict[int, str], st.dictionaries(_ints, _texts, max_size=3)),
    "date_keys": (dict[datetime.date, list[int]], st.dictionaries(_dates, st.lists(_ints, max_size=2), max_size=3)),
    "enum_keys": (dict[Color, bytes], st.dictionaries(_colors, st.binary(max_size=2), max_size=3)),
    "sequence": (Sequence[int], st.lists(_ints, max_size=3)),
    "mapping": (Mapping[str, float], st.dictionaries(_texts, _floats, max_size=3)),
    "any": (Any, _plain),
    "object": (object, _plain),
    "enum": (Color, _colors),
    "int_enum": (Rank, st.sampled_from(Rank)),
    "str_enum": (Word, st.sampled_from(Word)),
    "flag": (Bits, st.sampled_from([Bits.ONE, Bits.ONE | Bits.TWO])),
    "str_class": (Name, _texts.map(Name)),
    "float_class": (Meters, st.floats(allow_nan=False).map(Meters)),
    "new_type": (UserId, _ints),
    "annotated": (Annotated[int, "a remark"], _ints),
    "named_tuple": (Place, st.builds(Place, _ints, _texts)),
    "typed_dict": (Options, st.fixed_dictionaries({}, optional={"deep": _ints, "names": st.lists(_texts, max_size=2)})),
    "record": (Item, _items),
    "records": (list[Item], st.lists(_items, max_size=3)),
    "nested": (Order, st.builds(Order, st.lists(_items, max_size=2), st.dictionaries(_dates, _items, max_size=2))),
    "generic": (Box[int], st.builds(Box, _ints)),
    "tree": (Tree, _trees),
    "decimal": (decimal.Decimal, st.decimals(allow_nan=True)),
    "fraction": (fractions.Fraction, st.fractions()),
    "moment": (datetime.datetime, _moments),
    "date": (datetime.date, _dates),
    "time": (datetime.time, st.times()),
    "span": (datetime.timedelta, st.timedeltas()),
    "uuid": (uuid.UUID, st.uuids()),
    "path": (pathlib.Path, st.just(pathlib.Path("/a/b"))),
    "point": (Point, st.sampled_from([Point.parse("localhost:a"), Point.parse("localhost")])),
}
