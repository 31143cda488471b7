"""What users hold on to has an entry in the reference. Config keys, commands and hooks: tests/cli. Names of Python:
test_public_names.py."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click
import pytest

from docs.pages import REPOSITORY
from hyperverse_core import errors
from hyperverse_core.client.search import NoMachine
from hyperverse_core.config import Config
from hyperverse_core.plugins import PluginSet
from hyperverse_grants.settings import GrantsSettings
from hyperverse_sql.settings import SqlSettings
from hyperverse_zmq.settings import ZmqSettings
from patience import START

REFERENCE = REPOSITORY / "docs" / "reference"
HELD = ("sql", "zmq", "base", "grants", "mechtron")


def error_classes() -> list[type[errors.HyperverseError]]:
    found = [value for name in errors.__all__ if inspect.isclass(value := getattr(errors, name))]
    return [*found, NoMachine]


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.__name__)
def test_an_error_has_an_entry_with_its_status(error: type[errors.HyperverseError]) -> None:
    text = (REFERENCE / "errors.md").read_text("utf-8")
    row = re.search(rf"^\| `{error.__name__}` \| (\d+) \|", text, re.MULTILINE)
    assert row is not None
    assert int(row.group(1)) == error.status


def test_no_entry_is_about_an_error_that_is_not_there() -> None:
    text = (REFERENCE / "errors.md").read_text("utf-8")
    said = set(re.findall(r"^\| `([A-Z]\w+)` \| \d+ \|", text, re.MULTILINE))
    assert said == {error.__name__ for error in error_classes()}


def settings() -> Iterator[tuple[str, str, Any]]:
    for plugin, cls in (("sql", SqlSettings), ("zmq", ZmqSettings), ("grants", GrantsSettings)):
        for field in attrs.fields(cls):
            yield plugin, field.name, field.default


@pytest.mark.parametrize(("plugin", "key", "default"), list(settings()))
def test_a_setting_of_a_plugin_has_an_entry_with_its_default(plugin: str, key: str, default: Any) -> None:
    entry = _section((REFERENCE / "plugins.md").read_text("utf-8"), f"## `{plugin}`")
    row = re.search(rf"^\| `{key}` \| (?:`(.*?)`)? ?\|", entry, re.MULTILINE)
    assert row is not None
    if default is not attrs.NOTHING:
        assert row.group(1) == str(default).lower() if isinstance(default, bool) else str(default)


def plugin_commands() -> Iterator[tuple[str, click.Command]]:
    plugins = PluginSet.load(Config().plugins)
    for name in (name for plugin in HELD for name in plugins.info(plugin).registers.get("command", ())):
        command = plugins.commands()[name]()
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", command.commands[below]) for below in command.commands)
        else:
            yield name, command


def test_a_command_of_a_reference_plugin_has_an_entry_with_its_options() -> None:
    text = (REFERENCE / "plugins.md").read_text("utf-8")
    common = (REFERENCE / "cli.md").read_text("utf-8").partition("\n## ")[0]
    for name, command in plugin_commands():
        entry = _section(text, f"### `hyperverse {name}`")
        for param in command.params:
            if isinstance(param, click.Option) and param.opts[0] not in common:
                assert param.opts[0] in entry


def test_a_file_of_the_data_directory_has_an_entry(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "hyperverse_core.cli"]
    where = ["--data-dir", str(tmp_path / "data"), "--quiet"]
    subprocess.run([*program, "up", "--detach", *where], check=True, capture_output=True, timeout=START)
    try:
        found = {path.relative_to(tmp_path / "data") for path in (tmp_path / "data").rglob("*") if not path.is_dir()}
    finally:
        subprocess.run([*program, "down", *where], check=True, capture_output=True, timeout=START)
    text = (REFERENCE / "data-directory.md").read_text("utf-8")
    for file in found:
        said = file.as_posix().replace("/local/", "/NAME/").replace("/local.", "/NAME.")
        said = re.sub(r"(?<=^blobs/content/)[0-9a-f]{2}/[0-9a-f]{64}$", "AB/DIGEST", said)
        assert f"`{said}`" in text, said


def _section(text: str, heading: str) -> str:
    """From a heading to the next one of its level or above."""
    assert f"\n{heading}" in text, heading
    level = len(heading.split()[0])
    rest = text.partition(f"\n{heading}")[2]
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
