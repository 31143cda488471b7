"""Scripts: commands, comments, and the place of the first error."""

from __future__ import annotations

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.commands.script import iter_script, parse_script

SCRIPT = """\
# what the tutorial needs
create? localhost<Space>;
  create! localhost:app<App>{   # an app
    +bind=localhost:repo:1.0.0:/app.bind; comes later
  };
"""


def test_each_command_knows_its_place() -> None:
    script = parse_script("# first\ncreate? localhost<Space>;\n\n  get localhost ; get a:b;\n# last\n")
    assert [(one.line, one.column, one.source) for one in script] == [
        (2, 1, "create? localhost<Space>"),
        (4, 3, "get localhost"),
        (4, 19, "get a:b"),
    ]


def test_an_error_says_where_in_the_script_it_is() -> None:
    with pytest.raises(ParseError) as caught:
        parse_script(SCRIPT)
    assert (caught.value.line, caught.value.column) == (4, 43)
    assert caught.value.text == SCRIPT
    assert caught.value.caret().splitlines()[0] == SCRIPT.splitlines()[3]


def test_commands_before_an_error_are_given() -> None:
    commands = iter_script("get a; get b; gte c; get d;")
    assert [str(next(commands).command), str(next(commands).command)] == ["get a", "get b"]
    with pytest.raises(ParseError, match=r"line 1, column 15: unknown command 'gte'; did you mean 'get'"):
        next(commands)


def test_a_script_that_was_cut_off_does_not_run_its_last_command() -> None:
    commands = iter_script("get a; delete b:**")
    next(commands)
    with pytest.raises(ParseError, match="the last command does not end with"):
        next(commands)


def test_what_is_typed_may_lack_its_last_semicolon() -> None:
    typed = list(iter_script("get a;\n  get b  # the last\n", typed=True))
    assert [(one.line, one.column, str(one.command)) for one in typed] == [(1, 1, "get a"), (2, 3, "get b")]
    assert [str(one.command) for one in iter_script("get a;", typed=True)] == ["get a"]


@pytest.mark.parametrize("text", ["get a; gte b", "get a; set b{", "get a; get 'b"])
def test_what_is_typed_is_otherwise_read_as_a_script(text: str) -> None:
    with pytest.raises(ParseError) as strict:
        parse_script(text)
    with pytest.raises(ParseError) as typed:
        list(iter_script(text, typed=True))
    assert (str(typed.value), typed.value.offset) == (str(strict.value), strict.value.offset)


def test_semicolons_and_hashes_inside_bodies_and_quotes_end_nothing() -> None:
    script = parse_script("""ping a Ext<X> {"a": ";#"}; set a{ +k='; #', +u=b;c }; write a '; #' ;""")
    assert [str(one.command) for one in script] == [
        'ping a Ext<X> {"a": ";#"}',
        "set a{ +k='; #', +u=b;c }",
        'write a "; #"',
    ]


def test_a_script_names_each_file_once() -> None:
    script = parse_script("publish ^[ b.zip ]-> a:1.0.0; write a ^[ c ]; write b ^[ b.zip ];")
    assert script.uploads == ("b.zip", "c")


@pytest.mark.parametrize("text", ["", "  \n", "# only a comment", "# one\n\n# two\n"])
def test_a_script_may_be_empty(text: str) -> None:
    assert len(parse_script(text)) == 0


@pytest.mark.parametrize("length", [1, 2_040, 2_044, 2_046, 2_047, 2_048, 2_049, 2_060, 5_000, 70_000])
def test_a_command_may_be_of_any_length(length: int) -> None:
    filler = ("x;#" * length)[:length]
    script = parse_script(f"get a;\nwrite b '{filler}'; get c; write d {'y' * length}; get e;")
    assert [str(one.command)[:7] for one in script] == ["get a", "write b", "get c", "write d", "get e"]
    assert script.commands[1].command.body == filler
    assert (script.commands[1].line, script.commands[1].column) == (2, 1)


def test_an_error_behind_a_long_command_has_its_place() -> None:
    text = f"write b '{'x' * 5_000}';\nget c; gte d;"
    with pytest.raises(ParseError) as caught:
        parse_script(text)
    assert (caught.value.line, caught.value.column, caught.value.offset) == (2, 8, text.index("gte"))
