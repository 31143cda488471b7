"""Commands that plugins add.

Listing them requires loading every plugin, which takes far longer than the rest of ``--help``. So the list is cached
until something that it depends on changes: the folders of the import path, the files of the plugins, the config files
that are found, or the variables that choose plugins.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..plugins import PluginSet

__all__ = ["listed", "load"]

_VARIABLES = ("HYPERVERSE_DISABLE_PLUGINS", "HYPERVERSE_LOAD_PLUGINS", "HYPERVERSE__PLUGINS")
"""Prefixes of the names of variables that choose plugins."""


def load(name: str) -> click.Command | None:
    """Returns the command of that name; None if no plugin has it. Raises PluginError if it cannot be loaded."""
    make = _plugins().commands().get(name)
    if make is None:
        return None
    command = make()
    if not isinstance(command, click.Command):
        from ..errors import PluginError

        raise PluginError(f"the command {name!r} of a plugin is not a click.Command: {command!r}")
    return command


def _plugins() -> PluginSet:
    from ..errors import ConfigError
    from ..plugins import PluginSet
    from .terminal.options import Options

    choice = Options()
    choice.quiet = True  # the command itself reports what was ignored
    try:
        return choice.plugins()
    except ConfigError:  # a command that needs the configuration reports the error; the help must work without it
        return PluginSet.load()


def listed() -> dict[str, str]:
    """Returns the help line of each command of a plugin, by its name."""
    key = _key()
    path = _cache_path(key)
    cached = _read(path)
    if cached.get("key") == key and _stamps(list(cached["files"])) == cached["files"]:
        return dict(cached["commands"])
    plugins = _plugins()
    commands = {name: _short_help(name) for name in sorted(plugins.commands())}
    files = [getattr(module, "__file__", None) for module in plugins.pm.get_plugins()]
    stamps = _stamps(sorted(file for file in files if file))
    _write(path, {"key": key, "files": stamps, "commands": commands})
    return commands


def _short_help(name: str) -> str:
    from ..errors import PluginError

    try:
        command = load(name)
    except PluginError as exc:
        return f"(cannot be loaded: {exc.message})"
    return command.get_short_help_str(60) if command is not None else ""


def _key() -> list[Any]:
    """Returns what the list depends on besides the files of the plugins: the import path, and the configuration, which
    depends on the working directory."""
    from ..config.search import CONFIG_NAME, LOCAL_PLUGIN, find_project_file

    variables = {name: text for name, text in os.environ.items() if name.startswith(_VARIABLES)}
    project, passed_over = find_project_file(Path.cwd())
    files = [str(project)] if project is not None else []
    files += [str(folder / "hyperverse" / CONFIG_NAME) for folder in _config_folders()]
    local = (project.parent if project is not None else Path.cwd()) / LOCAL_PLUGIN
    files += [str(local)] if not passed_over and local.exists() else []
    return [sys.prefix, variables, _stamps(sys.path), _stamps(files)]


def _config_folders() -> list[Path]:
    """Returns the folders where the user's file may be. Importing ``platformdirs``, which knows them, would take longer
    than the help."""
    named, home = os.environ.get("XDG_CONFIG_HOME", ""), os.environ.get("HOME", "")
    below = [Path(home) / ".config", Path(home) / "Library" / "Application Support"] if home else []
    return [*([Path(named)] if named else []), *below]


def _stamps(paths: list[str]) -> dict[str, int]:
    stamps = {}
    for path in paths:
        try:
            stamps[path] = Path(path).stat().st_mtime_ns
        except OSError:
            stamps[path] = 0
    return stamps


def _cache_path(key: list[Any]) -> Path:
    """Returns a file for each set of config files, so that two projects do not overwrite each other's cache."""
    base = Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache"))  # noqa: PTH111  # raises nothing
    if base.parts[:1] == ("~",):  # without a home directory there is no cache
        base = Path(os.devnull)
    number = zlib.crc32(json.dumps(sorted(key[-1])).encode())
    return base / "hyperverse" / f"commands-{number:08x}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and "files" in found and "commands" in found else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(content), "utf-8")
        fresh.replace(path)
    except OSError:  # without a cache the help is slower, but otherwise the same
        return
