"""Every config key, command and hook has its entry in the reference."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click
import pytest

from hyperverse_core import hookspecs
from hyperverse_core.cli.group import COMMANDS, root
from hyperverse_core.config import Choice, Config, KindSettings, StarTemplate, dump, load_config

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def keys() -> Iterator[tuple[str, Any]]:
    """Every key of the schema with its default as a file would have it."""
    for key, value in dump(Config()).items():
        if isinstance(value, dict) and value:
            yield from ((f"{key}.{below}", default) for below, default in value.items())
        elif key == "stars":
            yield from ((f"stars.{field.name}", field.default) for field in attrs.fields(StarTemplate))
        elif key == "kinds":
            yield from ((f"kinds.{field.name}", field.default) for field in attrs.fields(KindSettings))
        else:
            yield key, value


def table_of(page: str) -> dict[str, str]:
    rows = re.findall(r"^\| `([^`]+)` \| (?:`(.*?)`)? ?\|", (PAGES / page).read_text(), re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize(("key", "default"), list(keys()))
def test_a_config_key_has_an_entry_with_its_default(key: str, default: Any) -> None:
    said = table_of("config.md")[key]
    if default in (None, attrs.NOTHING):
        assert said == ""
    else:
        assert tomllib.loads(f"x = {said}")["x"] == (list(default) if isinstance(default, tuple) else default)


def test_no_entry_is_about_a_key_that_is_not_there() -> None:
    known = {key for key, _ in keys()} | {"stars.count"}
    dotted = {key for key in table_of("config.md") if re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", key)}
    assert dotted - known == set()


def test_every_choice_is_documented_by_its_driver() -> None:
    choices = {field.name for field in attrs.fields(Config) if isinstance(field.default, Choice)}
    assert {f"{name}.driver" for name in choices} <= table_of("config.md").keys()


def test_the_examples_of_the_config_page_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (PAGES / "config.md").read_text(), re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        (tmp_path / "hyperverse.toml").write_text(block)
        load_config(tmp_path / "hyperverse.toml", start=tmp_path, environ={})


def commands() -> Iterator[str]:
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        yield from commands_of(name, command)


def commands_of(name: str, command: click.Command) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield name
        return
    for below, each in command.commands.items():
        yield from commands_of(f"{name} {below}", each)


@pytest.mark.parametrize("command", list(commands()))
def test_a_command_has_an_entry_with_its_options(command: str) -> None:
    text = (PAGES / "cli.md").read_text()
    heading = f"### `hyperverse {command}`\n"
    assert heading in text
    entry = text.partition(heading)[2].partition("\n#")[0]
    found: click.Command | None = root
    for name in command.split():
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
    assert found is not None
    for param in found.params:
        if isinstance(param, click.Option) and not param.hidden and param.opts[0] not in text:
            assert param.opts[0] in entry


def hooks() -> list[str]:
    return [name for name in vars(hookspecs) if name.startswith("hyperverse_")]


@pytest.mark.parametrize("hook", hooks())
def test_a_hook_has_an_entry(hook: str) -> None:
    assert f"\n### `{hook}`\n" in (PAGES / "hooks.md").read_text()
