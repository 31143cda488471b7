"""What holds for every command and every bind, and for every text whatever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.commands.command import CommandTemplate
from hyperverse_core.universe.commands.script import complete, parse_changes, parse_command, parse_script
from hyperverse_core.universe.routing.bind import BindConfig
from hyperverse_core.universe.routing.grammar import parse_arrow, parse_pattern, parse_pipeline, parse_step, parse_stop
from hyperverse_core.universe.routing.mechtron_config import ConfigLine, MechtronConfig
from hyperverse_core.universe.routing.method_pattern import MethodPattern
from hyperverse_core.universe.routing.path_regex import PathRegex
from hyperverse_core.universe.routing.pattern import Pattern
from hyperverse_core.universe.routing.pipeline import Pipeline
from hyperverse_core.universe.routing.route_selector import RouteSelector
from hyperverse_core.universe.routing.scope_text import scan_block, scan_scope
from universe_text.text_strategies import binds, commands, patterns, pipelines, route_selectors

slow = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)

PARSERS: list[Callable[[str], Any]] = [
    parse_command,
    parse_script,
    parse_changes,
    BindConfig.parse,
    MechtronConfig.parse,
    ConfigLine.parse,
    parse_pipeline,
    parse_step,
    parse_arrow,
    parse_pattern,
    RouteSelector.parse,
    MethodPattern.parse,
    PathRegex.parse,
    parse_stop,
]
_names = [f"{parser.__qualname__}" for parser in PARSERS]


@slow
@given(commands)
def test_a_printed_command_is_the_command(command: CommandTemplate) -> None:
    assert parse_command(str(command)) == command


@slow
@given(st.lists(commands, max_size=4))
def test_a_printed_script_is_the_script(many: list[CommandTemplate]) -> None:
    text = "\n# a comment; with a semicolon\n".join(f"{command} ;" for command in many)
    script = parse_script(text)
    assert [one.command for one in script] == many
    assert [parse_command(one.source) for one in script] == many
    assert [one.command for one in parse_script(str(script))] == many


@slow
@given(binds)
def test_a_printed_bind_is_the_bind(bind: BindConfig) -> None:
    text = str(bind)
    assert BindConfig.parse(text) == bind
    assert str(BindConfig.parse(text)) == text


@slow
@given(pipelines)
def test_a_printed_pipeline_is_the_pipeline(pipeline: Pipeline) -> None:
    assert parse_pipeline(str(pipeline)) == pipeline


@slow
@given(patterns)
def test_a_printed_pattern_is_the_pattern(pattern: Pattern) -> None:
    assert parse_pattern(str(pattern)) == pattern


@slow
@given(route_selectors)
def test_a_printed_route_selector_is_the_route_selector(selector: RouteSelector) -> None:
    assert RouteSelector.parse(str(selector)) == selector


_WORDS = (
    "create create? delete select get set read write ping signal ripple publish grant perm priv super on to into "
    "points revoke chown explain Route Http Ext Bind(version=1.0.0) Mechtron(version=1.0.0) Wasm localhost "
    "localhost:app ${x} .: .. <Space> <File<File>> <*> Ext<Add> Http<Get> Cmd<Read> +csd-RwX -> => -[ ]-> & (( "
    '(()) ((*)) ^[ ]-> bundle.zip +a=b +@a= !c \'x "y {"a":1} [1,2 null 12 * ** +:** ; # , { } ( ) [ ] ~json '
    "Text Map{ /users/(?P<u>[^/]+) (auth) (noauth x) [Topic<*>]:: \\ 1.0.0 % :/"
)
_PIECES = st.sampled_from([*_WORDS.split(), " ", "\n", "\x00", "é", "\ud800"])
_texts = st.text() | st.lists(_PIECES, max_size=12).map(" ".join) | st.lists(_PIECES, max_size=12).map("".join)


@slow
@pytest.mark.parametrize("parse", PARSERS, ids=_names)
@given(text=_texts)
def test_whatever_is_written_only_a_parse_error_comes_out(parse: Callable[[str], Any], text: str) -> None:
    try:
        parse(text)
    except ParseError as error:
        assert 0 <= error.offset <= len(error.text)
        assert str(error)


@slow
@given(st.one_of(commands.map(str), binds.map(str), pipelines.map(str), patterns.map(str)), st.data())
def test_a_text_with_a_slip_in_it_is_right_or_a_parse_error(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 3)))
    slip = text[:start] + data.draw(st.text("{}[]()<>;,#'\"\\ab:/%$^&-=~*+ \n", max_size=3)) + text[end:]
    for parse in PARSERS:
        try:
            parse(slip)
        except ParseError as error:
            assert 0 <= error.offset <= len(error.text)


@slow
@given(_texts)
def test_completion_never_fails(text: str) -> None:
    assert all(isinstance(word, str) for word in complete(text))


DEEP = 64 * 1024


@pytest.mark.parametrize("parse", PARSERS, ids=_names)
@pytest.mark.parametrize(
    "deep",
    [
        "write a " + "[" * DEEP,
        'write a {"a":' * (DEEP // 8),
        "ping a Ext<X> " + "[" * 500 + "]" * 500,
        "Bind(version=1.0.0) " + "{" * DEEP,
        "Bind(version=1.0.0) { Route -> " + "{" * DEEP + "}" * DEEP + "}",
        "Bind(version=1.0.0) { " + "Route<" * (DEEP // 6),
        "-[ " + "Map{ [ a<" * (DEEP // 9),
        "-[ " + "Map{ [ a<" * 40 + "Text" + "> ] }" * 40 + " ]-> &",
        "Map{*<" * 20 + "Text" + ">}" * 20,
        "/" + "(" * 2000,
        "<" * DEEP,
    ],
    ids=lambda text: text[:24],
)
def test_depth_does_not_overflow(parse: Callable[[str], Any], deep: str) -> None:
    if parse == PathRegex.parse and len(deep) < 2_000:
        return  # to a path expression these are plain characters
    with pytest.raises(ParseError):
        parse(deep)


@pytest.mark.parametrize("scan", [scan_block, scan_scope], ids=lambda scan: scan.__name__)
def test_an_unclosed_block_is_refused(scan: Callable[[str, int], Any]) -> None:
    with pytest.raises(ParseError):
        scan("{" * DEEP, 0)
