"""Commands as people write them."""

from __future__ import annotations

import pytest

from hyperverse_core.errors import BadRequest, NotFound, ParseError
from hyperverse_core.universe.access.grant import GrantKind
from hyperverse_core.universe.access.permissions import PermissionsMask
from hyperverse_core.universe.address.env import Env
from hyperverse_core.universe.address.point import ROOT, Point
from hyperverse_core.universe.address.point_template import ResolvedTemplate
from hyperverse_core.universe.address.template import PointVar
from hyperverse_core.universe.commands.body import Upload
from hyperverse_core.universe.commands.command import (
    Chown,
    Create,
    Delete,
    Explain,
    Get,
    Grant,
    Grants,
    Into,
    PingCommand,
    Publish,
    Read,
    Revoke,
    RippleCommand,
    Select,
    Set,
    SignalCommand,
    Strategy,
    Write,
)
from hyperverse_core.universe.commands.script import complete, parse_command
from hyperverse_core.universe.kind_defs.properties import SetProperty, UnsetProperty
from hyperverse_core.universe.selectors.selector import Selector
from hyperverse_core.universe.waves.wave import Method

APP = PointVar.parse("localhost:app")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("set localhost:app+:**<App>{ +a=1 }", Set(Selector.parse("localhost:app+:**<App>"), (SetProperty("a", "1"),))),
        ("set a:(>=1.0 <2) { !x }", Set(Selector.parse("a:(>=1.0, <2)"), (UnsetProperty("x"),))),
        ("set .:${x}:y{ !z }", Set(PointVar.parse(".:${x}:y"), (UnsetProperty("z"),))),
        ("set GLOBAL::x{ !z }", Set(PointVar.parse("GLOBAL::x"), (UnsetProperty("z"),))),
        ("select localhost:** into points", Select(Selector.parse("localhost:**"), Into.POINTS)),
        ("get localhost:app", Get(APP, None)),
        ("get localhost:app { a, b.c }", Get(APP, ("a", "b.c"))),
        ("get localhost:app{}", Get(APP, ())),
        (
            "set localhost:app { +a=1, +@b='x y', !c }",
            Set(APP, (SetProperty("a", "1"), SetProperty("b", "x y", lock=True), UnsetProperty("c"))),
        ),
        ("set localhost:app{+a=1,+a=2}", Set(APP, (SetProperty("a", "2"),))),
        ("set localhost:app{+a='}; #',+b=x#y\n}", Set(APP, (SetProperty("a", "}; #"), SetProperty("b", "x")))),
        (r"set localhost:app{+a='it\'s \n \\'}", Set(APP, (SetProperty("a", r"it's \n" + " \\"),))),
        ("set localhost:app{+url=http://x/?a=b;c}", Set(APP, (SetProperty("url", "http://x/?a=b;c"),))),
        ("read localhost:app", Read(APP)),
        ("write localhost:app {'a': 1}".replace("'", '"'), Write(APP, {"a": 1})),
        ("write localhost:app hello there ; ", Write(APP, "hello there")),
        ("write localhost:app 'hello; there'", Write(APP, "hello; there")),
        ("write localhost:app 3.5", Write(APP, 3.5)),
        ("write localhost:app true", Write(APP, True)),
        ('write localhost:app "true"', Write(APP, "true")),
        ("write localhost:app ^[ a.bin ]", Write(APP, Upload("a.bin"))),
        ("ping localhost:app", PingCommand(APP)),
        ("delete localhost:app+:** dry-run", Delete(Selector.parse("localhost:app+:**"), True)),
        ("ping localhost:app Ext<Add>", PingCommand(APP, Method.parse("Ext<Add>"))),
        ("ping localhost:app Http<Get>/users/1?x=y", PingCommand(APP, Method.parse("Http<Get>"), "/users/1?x=y")),
        ("ping localhost:app Ext<Add> [1, 2]", PingCommand(APP, Method.parse("Ext<Add>"), "/", [1, 2])),
        ("ping localhost:app Ext<Add> hello # why\n", PingCommand(APP, Method.parse("Ext<Add>"), "/", "hello")),
        ("signal localhost:app Ext<Stop>/now 1", SignalCommand(APP, Method.parse("Ext<Stop>"), "/now", 1)),
        ("ripple +:**<App> Ext<Stop>", RippleCommand(Selector.parse("+:**<App>"), Method.parse("Ext<Stop>"))),
        (
            "publish? ^[ bundle.zip ]-> localhost:repo:my:1.0.0",
            Publish(Upload("bundle.zip"), PointVar.parse("localhost:repo:my:1.0.0"), Strategy.ENSURE),
        ),
        (
            "grant perm &csd-RwX on localhost+:** to localhost:users:**<User>",
            Grant(
                GrantKind.perm(PermissionsMask.parse("&csd-RwX")),
                Selector.parse("localhost+:**"),
                Selector.parse("localhost:users:**<User>"),
            ),
        ),
        (
            "grant priv property:email:read on a to b",
            Grant(GrantKind.priv("property:email:read"), Selector.parse("a"), Selector.parse("b")),
        ),
        ("grant super on to to on", Grant(GrantKind.super(), Selector.parse("to"), Selector.parse("on"))),
        ("grants", Grants()),
        ("grants on localhost", Grants(Selector.parse("localhost"))),
        ("grants to **<User>", Grants(None, Selector.parse("**<User>"))),
        ("revoke 17", Revoke(17)),
        ("chown localhost+:** to localhost:app", Chown(Selector.parse("localhost+:**"), APP)),
        ("explain a:b on localhost:app", Explain(PointVar.parse("a:b"), APP)),
        ("explain a on localhost:app Ext<Add>", Explain(PointVar.parse("a"), APP, Method.parse("Ext<Add>"))),
    ],
)
def test_a_command_means_its_value(text: str, command: object) -> None:
    assert parse_command(text) == command
    assert parse_command(str(command)) == command


@pytest.mark.parametrize(
    ("mark", "strategy"), [("", Strategy.COMMIT), ("?", Strategy.ENSURE), ("!", Strategy.OVERRIDE)]
)
def test_the_mark_behind_create_says_what_happens_to_one_that_exists(mark: str, strategy: Strategy) -> None:
    command = parse_command(f"create{mark} localhost:app<App>")
    assert isinstance(command, Create)
    assert command.strategy is strategy


@pytest.mark.parametrize("child", ["thing-%", "%", "a%b", "a-%-%"])
def test_a_percent_sign_takes_the_parents_number(child: str) -> None:
    command = parse_command(f"create localhost:{child}<Base>")
    assert isinstance(command, Create)
    assert command.resolve(Env()).where == ResolvedTemplate(Point.parse("localhost"), child)


def test_resolving_gives_absolute_points_and_the_content_of_files() -> None:
    env = Env(Point.parse("localhost:app"), {"user": "scott"}, {"a.bin": b"\x00"})
    assert parse_command("write .:${user} ^[ a.bin ]").resolve(env) == Write(
        Point.parse("localhost:app:scott"), b"\x00"
    )
    assert parse_command("get ..").resolve(env) == Get(Point.parse("localhost"))


def test_a_resolved_command_prints_as_one_that_parses() -> None:
    env = Env(Point.parse("localhost:app"))
    for text in ("create .:x<Base>", "create ..:y:/<Base>", "get .", "explain . on ..", "chown a to ."):
        resolved = parse_command(text).resolve(env)
        assert parse_command(str(resolved)).resolve(Env()) == resolved


def test_a_create_in_the_root_prints_without_a_parent() -> None:
    command = parse_command("create localhost<Space>").resolve(Env())
    assert isinstance(command, Create)
    assert command.where.parent == ROOT
    assert str(command) == "create localhost<Space>"


def test_a_file_that_was_not_handed_in_is_named() -> None:
    command = parse_command("write a ^[ b.txt ]")
    assert command.uploads == ("b.txt",)
    with pytest.raises(NotFound, match=r"'b\.txt'"):
        command.resolve(Env())


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(BadRequest, match="'x'"):
        parse_command("get localhost:${x}").resolve(Env())


def test_publishing_is_creating_a_bundle_with_a_state() -> None:
    command = parse_command("publish ^[ b.zip ]-> a:1.0.0").resolve(Env(files={"b.zip": b"zip"}))
    assert isinstance(command, Publish)
    create = command.as_create()
    assert str(create) == "create a:1.0.0<Bundle>"
    assert create.state == b"zip"


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("", 1, "create"),
        ("get", 4, "a point"),
        ("get?a", 4, "a blank"),
        ("create?localhost<Space>", 8, "a blank"),
        ("get Localhost", 5, "a space such as localhost"),
        ("get a:B", 7, "a segment such as app"),
        ("create a<base>", 10, "a Kind such as Space"),
        ("create a<Base>{ +A=1 }", 17, "'}'"),
        ("create a<Base>{ +a=1, }", 23, "!key"),
        ("create a<Base>{ +a= 1 }", 21, "a value directly after '='"),
        ("set a", 6, "'{'"),
        ("set { !a }", 5, "a point or a selector"),
        ("set Localhost{ !a }", 5, "a space such as localhost"),
        ("set a:B{ !a }", 7, "a segment such as app"),
        ("set a:**<b>{ !a }", 10, "a Kind such as Space"),
        ("set a:**<B{ !a }", 11, "'>'"),
        ("set a:(^x){ !a }", 9, "a version such as 1, 1.0 or 1.0.0"),
        ("set <<STAR::c:n[0]>>::S{ !a }", 23, "a space such as localhost"),
        ("set a<*>:b{ !a }", 5, "the point a:b"),
        ("set a{ +b='c }", 11, "'"),
        ("create a <Base>", 10, "a Kind such as <Space> directly after the point"),
        ("select a into b", 15, "points or stubs"),
        ("delete a b", 10, "';'"),
        ("ping a Ext<add>", 8, "a method such as Ext<Add> or Cmd<Read>"),
        ("ping a Http<Gett>", 13, "Get"),
        ("publish a", 9, "'^['"),
        ("publish ^[ a/b ]-> c", 13, "']->'"),
        ("grant", 6, "perm"),
        ("grant perm +rwx on a to b", 13, "permissions such as csd-RwX"),
        ("grant super on a", 17, "to"),
        ("revoke it", 8, "the number of a grant"),
        ("get a; get b", 8, "the end"),
        ("write a 'b' c", 13, "';'"),
    ],
)
def test_an_error_says_where_and_what_was_expected(text: str, column: int, expected: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_command(text)
    assert (caught.value.line, caught.value.column) == (1, column)
    assert expected in caught.value.expected
    assert caught.value.text == text


@pytest.mark.parametrize(
    ("word", "meant"), [("xreate", "create"), ("slect", "select"), ("GRANT", "grant"), ("publsh", "publish")]
)
def test_an_unknown_word_names_the_nearest_command(word: str, meant: str) -> None:
    with pytest.raises(ParseError, match=f"unknown command '{word}'; did you mean '{meant}'"):
        parse_command(f"{word} a")


@pytest.mark.parametrize("body", ["[1, 2", '{"a": }', "[NaN]", '{"a": 1e999}', "[" * 101 + "]" * 101])
def test_json_that_is_none_is_refused(body: str) -> None:
    with pytest.raises(ParseError, match="bad JSON"):
        parse_command(f"write a {body}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "",
            "access chown create delete explain get grant grants ping publish "
            "read revoke ripple select set signal write",
        ),
        ("gr", "grant grants"),
        ("grant ", "perm priv super"),
        ("grant p", "perm priv"),
        ("grant super on a ", "to"),
        ("grants ", "on to"),
        ("grants on a ", "to"),
        ("select a ", "into"),
        ("select a into p", "points"),
        ("explain a ", "on"),
        ("chown a ", "to"),
        ("get a; # done\nch", "chown"),
        ("create ", ""),
        ("nonsense ", ""),
        ("get a", ""),
    ],
)
def test_completion_offers_the_words_that_may_follow(text: str, words: str) -> None:
    assert complete(text) == words.split()
