"""Rules for properties: what they take, what comes back, and what is refused where a Kind is declared."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from hyperverse_core.errors import BadRequest
from hyperverse_core.universe.kind_defs.properties import changes_of
from hyperverse_core.values import Expression, KindDef, OneOf, PropertiesConfig, PropertyDef, Range, SetProperty


@pytest.mark.parametrize(
    ("rule", "fitting", "others"),
    [
        (Range(1, 10), {"1": 1, "10": 10, "07": 7}, ["0", "11", "1.0", "", "x", "+1", " 1", "1" * 5000, "\u0663"]),
        (Range(-5), {"-5": -5, str(2**64 - 1): 2**64 - 1}, ["-6", str(2**64), "--5"]),
        (Range(most=3), {"3": 3, str(-(2**63)): -(2**63)}, ["4", str(-(2**63) - 1)]),
        (
            Range(0.0, 1.0),
            {"0": 0.0, "0.5": 0.5, "1e-3": 0.001, ".5": 0.5},
            ["1.1", "-0.1", "nan", "inf", "1e999", "."],
        ),
        (Range(most=0.0), {"-1e300": -1e300}, ["-1e999", "-inf", "1"]),
        (OneOf("small", "large"), {"small": "small"}, ["Small", "", "small "]),
        (OneOf(1, 2, 5), {"5": 5}, ["3", "05"]),
        (OneOf(0.5, 1.0), {"0.5": 0.5}, ["1"]),
        (OneOf(True), {"true": True}, ["false", "True"]),
        (Expression("[A-Z]{2}-[0-9]+"), {"AB-1": "AB-1"}, ["AB-1x", "xAB-1", "AB-1\n", ""]),
        (Expression("a|b"), {"a": "a", "b": "b"}, ["ab", "ax", "xb"]),
        ("U64", {"7": 7}, ["x"]),
        ("Bool", {"true": True, "false": False}, ["1"]),
        ("Anything", {"7": "7"}, []),
    ],
)
def test_a_value_that_fits_comes_back_typed_and_others_are_refused(
    rule: Any, fitting: dict[str, Any], others: list[str]
) -> None:
    definition = PropertyDef("it", "", rule)
    for text, value in fitting.items():
        assert not list(definition.value_faults(text)), text
        assert (definition.read(text), type(definition.read(text))) == (value, type(value))
    for text in others:
        (fault,) = definition.value_faults(text)
        assert repr(text) in fault and definition.pattern.meant in fault
        assert definition.read(text) == text  # it was set under another rule


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        (Range(1, 10), "a whole number from 1 to 10"),
        (Range(1), "a whole number, 1 or more"),
        (Range(most=1.5), "a number, at most 1.5"),
        (OneOf("small", "large"), "one of small, large"),
        (Expression("[a-z]+", like="abc"), "a text such as abc"),
        (Expression("[a-z]+"), "a text that matches [a-z]+"),
    ],
)
def test_a_rule_says_what_it_takes(rule: Any, meant: str) -> None:
    assert rule.meant == meant
    assert isinstance(rule, Expression) or rule.fits(rule.sample)


def test_a_default_can_be_a_number_and_is_kept_as_text() -> None:
    config = PropertiesConfig(
        [PropertyDef("hold", "", Range(1, 9), default=5), PropertyDef("open", "", "Bool", default=True)]
    )
    assert config.fill_create_defaults([]) == (SetProperty("hold", "5"), SetProperty("open", "true"))
    assert config.read("hold", "5") == 5


def test_values_of_python_become_text() -> None:
    assert changes_of({"a": 1, "b": True, "c": 0.5, "d": "x"}) == [
        SetProperty("a", "1"),
        SetProperty("b", "true"),
        SetProperty("c", "0.5"),
        SetProperty("d", "x"),
    ]
    for wrong in (None, [1], {"x": 1}, b"x", float("nan")):
        with pytest.raises(BadRequest, match="'a'"):
            changes_of({"a": wrong})  # type: ignore[dict-item]


WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: Range(), "needs a bound"),
    (lambda: Range(2, 1), "at least 2 and at most 1"),
    (lambda: Range("1", 2), "least of a Range is '1'"),  # type: ignore[arg-type]
    (lambda: Range(float("nan")), "not a number"),
    (lambda: Range(True, 2), "not a number"),
    (lambda: OneOf(), "needs values"),
    (lambda: OneOf(["a", "b"]), "one by one"),  # type: ignore[arg-type]
    (lambda: OneOf("a", "a"), "twice"),
    (lambda: OneOf("a", 1), "different types"),
    (lambda: OneOf("a", None), "strings or numbers"),  # type: ignore[arg-type]
    (lambda: Expression("("), "is wrong"),
    (lambda: Expression("a)|(b"), "is wrong"),
    (lambda: Expression("(a+)*"), "cannot be used"),
    (lambda: Expression(3), "is int"),  # type: ignore[arg-type]
    (lambda: Expression("[a-z]", like="A"), "does not match the example 'A'"),
    (lambda: PropertyDef("p", "", "U46"), "did you mean 'U64'"),
    (lambda: PropertyDef("p", "", int), "Range"),  # type: ignore[arg-type]
    (lambda: PropertyDef("p", "", ("a", "b")), "OneOf"),  # type: ignore[arg-type]
    (lambda: PropertyDef("p", "", Range(1, 9), default=10), "the default '10' must be a whole number from 1 to 9"),
    (lambda: PropertyDef("p", default=[]), "default"),  # type: ignore[arg-type]
    (lambda: PropertyDef("p", required="yes"), "required is 'yes', not True or False"),  # type: ignore[arg-type]
    (lambda: PropertyDef("p", source="Kore"), "did you mean 'Core'"),
    (lambda: PropertyDef(3), "key is 3, not a string"),  # type: ignore[arg-type]
    (lambda: PropertyDef("p", None), "doc is None"),  # type: ignore[arg-type]
    (lambda: PropertiesConfig(["price"]), "list of PropertyDef"),  # type: ignore[list-item]
    (lambda: PropertiesConfig(PropertyDef("p")), "list of PropertyDef"),  # type: ignore[arg-type]
    (lambda: PropertiesConfig({"p": "U64"}), "list of PropertyDef"),  # type: ignore[arg-type]
    (lambda: KindDef("K", properties=[PropertyDef("p")]), r"PropertiesConfig\(\[PropertyDef"),  # type: ignore[arg-type]
    (lambda: KindDef("K", properties=None), "PropertiesConfig"),  # type: ignore[arg-type]
    (lambda: KindDef("K", subs="Tall"), r"'Tall'"),
    (lambda: KindDef("K", parents="Base"), r"write \('Base',\)"),
    (lambda: KindDef("K", children=[3]), "names are strings"),  # type: ignore[arg-type]
    (lambda: KindDef("K", aliases=["a"]), "not a map"),  # type: ignore[arg-type]
    (lambda: KindDef("K", doc=None), "doc of Kind 'K' is None"),  # type: ignore[arg-type]
    (lambda: KindDef("K", eager="no"), "eager of Kind 'K' is 'no'"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "said"), WRONG)
def test_a_wrong_declaration_is_refused_where_it_is_made(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        make()
    assert re.search(said, str(caught.value)), str(caught.value)
