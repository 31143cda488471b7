"""Every value prints as a text that reads as that value."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.access.grant import AccessGrant, GrantKind
from hyperverse_core.universe.access.permissions import Permissions, PermissionsMask, Privileges
from hyperverse_core.universe.access.scope import Scope
from hyperverse_core.universe.address.layer import Layer
from hyperverse_core.universe.address.point import Point, scan_point
from hyperverse_core.universe.address.point_template import PointTemplate
from hyperverse_core.universe.address.route import Route
from hyperverse_core.universe.address.star_key import StarKey
from hyperverse_core.universe.address.surface import Surface
from hyperverse_core.universe.address.template import PointCtx, PointVar
from hyperverse_core.universe.address.topic import Topic
from hyperverse_core.universe.kind_defs.kind_template import KindTemplate
from hyperverse_core.universe.kind_defs.particle_template import ParticleTemplate
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.kinds.kind_selector import KindSelector
from hyperverse_core.universe.kinds.specific import Specific, SpecificSelector
from hyperverse_core.universe.selectors.hierarchy import Hierarchy
from hyperverse_core.universe.selectors.selector import Selector
from hyperverse_core.universe.text.version import Version, VersionReq
from thoroughness import examples
from universe import strategies as made

TYPES: dict[str, tuple[Callable[[str], Any], st.SearchStrategy[Any]]] = {
    "Point": (Point.parse, made.points()),
    "Route": (Route.parse, made.routes),
    "PointVar": (PointVar.parse, made.point_vars()),
    "PointCtx": (PointCtx.parse, made.points().map(str).map(PointCtx.parse)),
    "Surface": (Surface.parse, made.surfaces),
    "Topic": (Topic.parse, made.topics),
    "Layer": (Layer.parse, st.sampled_from(Layer)),
    "StarKey": (StarKey.parse, made.star_keys),
    "Version": (Version.parse, made.versions),
    "VersionReq": (VersionReq.parse, made.version_reqs),
    "Specific": (Specific.parse, made.specifics),
    "SpecificSelector": (SpecificSelector.parse, made.specific_selectors),
    "Kind": (Kind.parse, made.kinds),
    "KindSelector": (KindSelector.parse, made.kind_selectors),
    "KindTemplate": (KindTemplate.parse, made.kind_templates),
    "Selector": (Selector.parse, made.selectors()),
    "Hierarchy": (Hierarchy.parse, made.hierarchies()),
    "Permissions": (Permissions.parse, made.permissions),
    "PermissionsMask": (PermissionsMask.parse, made.masks),
    "Privileges": (Privileges.parse, made.privileges),
    "GrantKind": (GrantKind.parse, made.grant_kinds),
    "AccessGrant": (AccessGrant.parse, made.grants),
    "Scope": (Scope.parse, made.scopes),
}
PARSERS = {name: parse for name, (parse, _) in TYPES.items()} | {
    "PointTemplate": PointTemplate.parse,
    "Template": ParticleTemplate.parse,
    "Permissions.parse_particle": Permissions.parse_particle,
}
_CHARACTERS = "abzAZ019:/.-_+*<>()[]{}$%@#&|^~=,;! \"'\n\u00e9"
_WORDS = [
    *("localhost", "ROOT", "::", ":", ":/", "..", ".", "${", "}", "${x}", "<", ">", "**", "*", "+", "(^1)"),
    *("1.0.0", "<<STAR::a:b[0]>>", "[hub]", "GLOBAL", "Topic<", "@Core", "Kind", "%", "/x/", "{", "super"),
    *("priv", ">=", "-", "\u0663", "perm +csd-rwx", " on ", " to ", " by ", "0" * 5000, "9" * 5000),
]
_TALK = st.one_of(
    st.text(st.sampled_from(_CHARACTERS), max_size=30),
    st.lists(st.sampled_from(_WORDS), max_size=7).map("".join),
)


@pytest.mark.parametrize("name", TYPES)
def test_a_printed_value_reads_as_the_same_value(name: str) -> None:
    parse, values = TYPES[name]

    @settings(max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow])
    @given(values)
    def check(value: Any) -> None:
        assert parse(str(value)) == value
        assert str(parse(str(value))) == str(value)
        assert hash(parse(str(value))) == hash(value)
        assert pickle.loads(pickle.dumps(value)) == value
        assert copy.deepcopy(value) == value

    check()


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_raises_nothing_but_parse_errors(name: str) -> None:
    parse = PARSERS[name]

    @settings(max_examples=examples(250))
    @given(_TALK)
    def check(text: str) -> None:
        try:
            value = parse(text)
        except ParseError as error:
            assert 0 <= error.offset <= len(error.text)
            assert error.expected
            return
        assert parse(str(value)) == value

    check()


@settings(max_examples=examples(300))
@given(st.one_of(_TALK, st.lists(st.sampled_from(["a", "b:", ":", "1", ".", "-", "/", "x/", "::", "A"])).map("".join)))
def test_the_quick_way_and_the_scanner_read_the_same_points(text: str) -> None:
    def quick() -> str | None:
        try:
            return str(Point.parse(text))
        except ParseError:
            return None

    def scanned() -> str | None:
        try:
            point, end = scan_point(text, 0)
        except ParseError:
            return None
        return str(point) if end == len(text) else None

    assert quick() == scanned()
