"""Commands, scripts and property changes, against the cases of the corpus."""

from __future__ import annotations

from typing import Any

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.address.env import Env
from hyperverse_core.universe.address.point import Point, Segment
from hyperverse_core.universe.commands.command import Create, Get, Publish, Set
from hyperverse_core.universe.commands.script import iter_script, parse_changes, parse_command
from hyperverse_core.universe.kind_defs.properties import PropertyChange, SetProperty
from universe.corpus import load
from universe_text.settled import cases, deviations, name_of, settle


def _changes(changes: tuple[PropertyChange, ...]) -> dict[str, Any]:
    return {
        change.key: {"Set": {"key": change.key, "lock": change.lock, "value": change.value}}
        if isinstance(change, SetProperty)
        else {"UnSet": change.key}
        for change in changes
    }


def _segments(segments: tuple[Segment, ...]) -> list[dict[str, str]]:
    return [{segment.kind.value: segment.text} for segment in segments]


def _parts(command: Any) -> dict[str, Any]:
    """The command as the cases describe one."""
    if isinstance(command, Publish):
        command = command.resolve(Env(files={"bundle.zip": b"zip"})).as_create()
    if isinstance(command, Get):
        return {"command": "Get", "op": "State" if command.keys is None else {"Properties": list(command.keys)}}
    if isinstance(command, Set):
        return {"command": "Set", "properties": _changes(command.properties)}
    if not isinstance(command, Create):
        return {"command": type(command).__name__}
    where = command.where if not hasattr(command.where, "resolve") else command.where.resolve(Env())
    return {
        "command": "Create",
        "strategy": command.strategy.name.capitalize(),
        "kind": {"base": command.kind.base, "sub": command.kind.sub},
        "child": {"Pattern" if where.is_pattern else "Exact": where.child},
        "parent_segments": _segments(where.parent.segments),
        "properties": _changes(command.properties),
    }


@pytest.mark.parametrize("case", cases("commands"))
def test_a_command_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    try:
        command: Any = parse_command(case["input"])
    except ParseError as error:
        settle("commands", case, not case["valid"], error)
        return
    settle("commands", case, case["valid"], command)
    assert parse_command(str(command)) == command
    if case["valid"] and ".:" not in case["input"]:
        parts = _parts(command)
        assert {key: case[key] for key in parts if key in case} == {key: parts[key] for key in parts if key in case}


@pytest.mark.parametrize("case", cases("set_properties"))
def test_property_changes_are_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    try:
        changes = parse_changes(case["input"])
    except ParseError as error:
        settle("set_properties", case, not case["valid"], error)
        return
    settle("set_properties", case, case["valid"], changes)
    if "properties" in case:
        assert _changes(changes) == case["properties"]


@pytest.mark.parametrize("case", cases("scripts"))
def test_a_script_gives_the_commands_before_its_first_error(case: dict[str, Any]) -> None:
    text, read, end = case["input"], 0, 0
    try:
        for one in iter_script(text):
            read, end = read + 1, one.end
    except ParseError as error:
        assert error.text == text
        assert error.offset >= end
    if "commands" in case:
        assert (read, text[end:]) == (case["commands"], case["rest"])
    else:
        assert read == case["original_commands"]


@pytest.mark.parametrize("case", cases("upload_blocks"))
def test_a_command_names_the_files_that_go_with_it(case: dict[str, Any]) -> None:
    try:
        uploads = list(parse_command(case["input"]).uploads)
    except ParseError:
        uploads = []
    assert uploads == case["blocks"]


def test_every_listed_deviation_names_a_case() -> None:
    files = {file for file, _ in deviations()}
    known = {(file, name_of(case)) for file in files for case in load(file)}
    assert deviations() - known == set()


def test_a_relative_template_is_created_below_the_working_point() -> None:
    command = parse_command("create .:x<Base>")
    assert isinstance(command, Create)
    where = command.resolve(Env(Point.parse("localhost:app"))).where
    assert where.point() == Point.parse("localhost:app:x")
