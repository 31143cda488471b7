"""Templates: what is put in, and what they come to."""

from __future__ import annotations

import pytest
from hypothesis import given

from hyperverse_core.errors import BadRequest, NotFound, ParseError, UnknownKind
from hyperverse_core.universe.address.env import Env
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.address.point_template import PointTemplate
from hyperverse_core.universe.address.template import PointVar
from hyperverse_core.universe.kind_defs.kind_template import KindTemplate
from hyperverse_core.universe.kind_defs.particle_template import ParticleTemplate, scan_particle_template
from hyperverse_core.universe.kind_defs.standard_kinds import STANDARD_KINDS
from universe.strategies import points

ENV = Env(
    Point.parse("localhost:app"),
    {"a": "scott", "route": "[hub]", "up": "..", "two": "b:c", "x": "dir", "sly": ":b", "other": "GLOBAL::repo"},
)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("localhost:${a}", "localhost:scott"),
        ("${route}::my-domain.com:${a}:base", "[hub]::my-domain.com:scott:base"),
        ("GLOBAL::repo:x", "GLOBAL::repo:x"),
        (".:mechtrons:mechtron", "localhost:app:mechtrons:mechtron"),
        ("..:another-app:something", "localhost:another-app:something"),
        ("${up}:x", "localhost:x"),
        ("..:..:x", "x"),
        ("..:..", "ROOT"),
        (".", "localhost:app"),
        (".:/x/", "localhost:app:/x/"),
        ("[hub]::.:1.0.0:/d/${x}/", "[hub]::localhost:app:1.0.0:/d/dir/"),
        ("localhost:${two}", "localhost:b:c"),
        ("localhost:/${x}/${a}.txt", None),
        ("localhost:/${x}/${a}", "localhost:/dir/scott"),
        ("${other}:/x", "GLOBAL::repo:/x"),
        ("localhost:${up}", None),
        ("localhost:${sly}", None),
        ("localhost:${nobody}", None),
        ("..:..:..", None),
    ],
)
def test_a_template_comes_to_a_point_or_is_refused(text: str, point: str | None) -> None:
    if point is None:
        with pytest.raises(BadRequest):
            PointVar.parse(text).resolve(ENV)
    else:
        assert str(PointVar.parse(text).resolve(ENV)) == point


@given(points())
def test_an_absolute_point_resolves_to_itself_anywhere(point: Point) -> None:
    assert PointVar.parse(str(point)).resolve(ENV) == point
    assert PointVar.of(point).collapse() == point


def test_a_missing_variable_is_named_with_those_that_are_set() -> None:
    with pytest.raises(BadRequest, match="'usr' is not set") as caught:
        PointVar.parse("localhost:${usr}").resolve(Env(variables={"user": "scott"}))
    assert "user" in caught.value.hint


def test_an_inner_environment_is_asked_first_and_the_outer_one_last() -> None:
    outer = Env(Point.parse("localhost"), {"a": "1", "b": "2"}, {"f": b"x"})
    inner = Env(variables={"a": "3"}, resolvers=({"c": "4"}.get,), parent=outer)
    assert [inner.variable(name) for name in "abc"] == ["3", "2", "4"]
    assert inner.file("f") == b"x"
    assert inner.pop() is outer
    assert outer.push(z="9").variable("z") == "9"
    with pytest.raises(NotFound, match="'g'"):
        inner.file("g")
    with pytest.raises(BadRequest):
        outer.pop()


def test_a_percent_sign_takes_a_number_of_the_parent() -> None:
    resolved = PointTemplate.parse("..:thing-%-x").resolve(ENV)
    assert (str(resolved.parent), resolved.is_pattern) == ("localhost", True)
    assert str(resolved.point(7)) == "localhost:thing-7-x"
    with pytest.raises(BadRequest, match="sequence number"):
        resolved.point()
    with pytest.raises(BadRequest, match="not a segment") as caught:
        PointTemplate.parse("localhost:%").resolve(ENV).point(7)
    assert "thing-%" in caught.value.hint
    assert str(PointTemplate.parse("localhost:/log-%.txt").resolve(ENV).point(3)) == "localhost:/log-3.txt"


@pytest.mark.parametrize(
    ("text", "parent", "child"),
    [
        ("localhost", "ROOT", "localhost"),
        ("[hub]::x", "[hub]::ROOT", "x"),
        (".:x", ".", "x"),
        ("localhost:/d/", "localhost:/", "d/"),
        ("localhost:/${x}/", "localhost:/", "${x}/"),
        ("localhost:/", "localhost", "/"),
        ("localhost:${a}", "localhost", "${a}"),
    ],
)
def test_a_template_of_a_particle_has_a_parent_and_a_child(text: str, parent: str, child: str) -> None:
    template = PointTemplate.parse(text)
    assert (str(template.parent), template.child) == (parent, child)
    assert template.resolve(ENV).point().parent == template.resolve(ENV).parent


@pytest.mark.parametrize("text", ["ROOT", ".", "..", "a-%:b", "${%}", "%", "localhost:a b", "GLOBAL::ROOT", "a%::b"])
def test_what_names_no_new_particle_is_no_template(text: str) -> None:
    if text == "%":
        assert PointTemplate.parse(text).is_pattern
        return
    with pytest.raises(ParseError):
        PointTemplate.parse(text)


def test_a_template_inside_a_line_ends_behind_its_kind() -> None:
    template, end = scan_particle_template("create localhost:users<UserBase<Keycloak>>{ +a=b }", 7)
    assert end == 42
    assert template == ParticleTemplate.parse("localhost:users<UserBase<Keycloak>>")
    assert template.kind.sub == "Keycloak"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("UserBase<Keycloak>", "UserBase<OAuth<starlane.io:redhat.com:keycloak:community:18.0.0>>"),
        ("UserBase<OAuth>", "UserBase<OAuth<starlane.io:redhat.com:keycloak:community:18.0.0>>"),
        (
            "UserBase<OAuth<*:*:*:*:(^18)>>",
            "UserBase<OAuth<starlane.io:redhat.com:keycloak:community:18.0.0>>",
        ),
        ("Database<Relational<a:b:c:d:(=8.0.0)>>", "Database<Relational<a:b:c:d:8.0.0>>"),
        ("File<Dir>", "File<Dir>"),
        ("Space<Foo>", "Space"),
    ],
)
def test_a_template_of_a_kind_picks_the_product(text: str, kind: str) -> None:
    assert str(KindTemplate.parse(text).resolve(STANDARD_KINDS)) == kind


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Database<Relational<a:b:c:*:(8)>>", BadRequest),
        ("File", BadRequest),
        ("Nothing<Sub>", UnknownKind),
        ("UserBase<Keyclok>", UnknownKind),
    ],
)
def test_a_template_of_a_kind_that_nobody_serves_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        KindTemplate.parse(text).resolve(STANDARD_KINDS)
