"""Properties: all faults at once, and the rules one by one."""

from __future__ import annotations

import pytest

from hyperverse_core.errors import BadRequest
from hyperverse_core.universe.kind_defs.properties import (
    PropertiesConfig,
    PropertyDef,
    PropertyPattern,
    SetProperty,
    UnsetProperty,
)
from hyperverse_core.universe.kind_defs.standard_kinds import STANDARD_KINDS


def test_every_fault_is_told_at_once() -> None:
    changes = [SetProperty("emial", "x"), SetProperty("email", "nope"), SetProperty("username", "Bad Name")]
    with pytest.raises(BadRequest) as caught:
        STANDARD_KINDS["User"].properties.check_create(changes)
    for fault in ("'emial'", "did you mean 'email'", "'nope'", "'Bad Name'", "'bind' is required"):
        assert fault in caught.value.message


def test_the_later_change_of_a_key_wins() -> None:
    config = PropertiesConfig([PropertyDef("flag", pattern=PropertyPattern.BOOL)])
    config.check_create([SetProperty("flag", "perhaps"), SetProperty("flag", "true")])
    with pytest.raises(BadRequest):
        config.check_create([SetProperty("flag", "true"), SetProperty("flag", "perhaps")])


def test_defaults_are_added_where_nothing_is_said() -> None:
    config = PropertiesConfig([PropertyDef("a", default="1"), PropertyDef("b", default="2"), PropertyDef("c")])
    assert config.fill_create_defaults([SetProperty("b", "3")]) == (SetProperty("b", "3"), SetProperty("a", "1"))


def test_a_kind_without_properties_takes_none() -> None:
    with pytest.raises(BadRequest, match="known: none"):
        STANDARD_KINDS["Base"].properties.check_update([SetProperty("bind", "a:b")])


def test_what_is_required_cannot_be_unset_and_what_is_fixed_cannot_change() -> None:
    config = PropertiesConfig(
        [PropertyDef("need", required=True), PropertyDef("fix", mutable=False), PropertyDef("free")]
    )
    config.check_update([SetProperty("need", "x"), SetProperty("free", "y"), UnsetProperty("free")])
    for change in (UnsetProperty("need"), SetProperty("fix", "z"), UnsetProperty("fix")):
        with pytest.raises(BadRequest):
            config.check_update([change])


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("Point", ["localhost:1.0.0:/x"], ["..", "", "${x}"]),
        ("U64", ["0", "007", str(2**64 - 1)], ["-1", "", str(2**64), "9" * 5000, "\u0663", "1.0"]),
        ("Bool", ["true", "false"], ["True", "yes", ""]),
        ("Username", ["bob", "b-1"], ["Bob Name", "1b", ""]),
        ("Email", ["a@b", "a.b+c@x-y.example.org"], ["nope", "@b", "a@", "a@b..c", "a b@c", "a@-b", "a@" + "b" * 300]),
        ("Anything", ["", "x y"], []),
    ],
)
def test_a_pattern_fits_some_values_and_not_others(pattern: str, yes: list[str], no: list[str]) -> None:
    fits = PropertyPattern(pattern).fits
    assert [value for value in yes if not fits(value)] == []
    assert [value for value in no if fits(value)] == []


@pytest.mark.parametrize(
    "bad", [{"key": "Big"}, {"key": "a", "constant": True}, {"key": "a", "pattern": "U64", "default": "x"}]
)
def test_a_definition_that_cannot_be_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        PropertyDef(**bad)  # type: ignore[arg-type]


def test_a_key_is_defined_once() -> None:
    with pytest.raises(BadRequest, match="'a'"):
        PropertiesConfig([PropertyDef("a"), PropertyDef("a")])
