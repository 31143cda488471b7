"""Options that every command takes, before or after its name, and what they come to."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ...config import LoadedConfig
    from ...plugins import PluginSet

__all__ = ["Options", "common", "options"]

_F = TypeVar("_F", bound=Callable[..., Any])
_NAMES = ("data_dir", "as_json", "config", "debug", "quiet", "no_plugin")


class Options:
    """What the user has chosen with the common options.

    Attributes:
        data_dir: as given, or None.
        json: print JSON, one value a line where there are several.
        config: the config file as given, or None.
        debug: show tracebacks.
        quiet: print results only.
    """

    def __init__(self) -> None:
        self.data_dir: Path | None = None
        self.json = False
        self.config: Path | None = None
        self.debug = False
        self.quiet = False

    def take(self, given: Mapping[str, Any]) -> None:
        """Adds what was given at one place of the command line."""
        if given["data_dir"] is not None:
            self.data_dir = given["data_dir"].absolute()
        if given["config"] is not None:
            self.config = given["config"].absolute()
        self.json |= given["as_json"]
        self.debug |= given["debug"]
        self.quiet |= given["quiet"]
        for name in given["no_plugin"]:  # in the environment, so that a machine that we start leaves it out as well
            before = os.environ.get("HYPERVERSE_DISABLE_PLUGINS", "")
            os.environ["HYPERVERSE_DISABLE_PLUGINS"] = f"{before} {name}".strip()

    def load(self, flags: Mapping[str, Any] | None = None) -> LoadedConfig:
        """The configuration, with ``flags`` (dotted keys) on top. Raises ConfigError."""
        from ...config import load_config

        given = {"data_dir": str(self.data_dir) if self.data_dir is not None else None, **(flags or {})}
        return load_config(self.config, flags=given)

    def where(self) -> Path:
        """The data directory to talk to. Raises ConfigError."""
        if self.data_dir is not None:
            return self.data_dir
        data_dir = self.load().config.data_dir
        assert data_dir is not None  # load_config fills it in
        return data_dir

    def lane_settings(self) -> dict[str, dict[str, Any]]:
        """Settings of the configured transport, by its name, as a client takes them. Empty when the data directory was
        given and no config file: then what the machine has written into its data directory counts. Raises
        ConfigError."""
        if self.data_dir is not None and self.config is None:
            return {}
        config = self.load().config
        return {config.lanes.driver: config.transport_settings()}

    def plugins(self) -> PluginSet:
        """All plugins, as the configuration has them. Raises ConfigError."""
        from ...plugins import PluginSet

        return PluginSet.load(self.load().config.plugins)


def options() -> Options:
    """The common options of the command that runs."""
    ctx = click.get_current_context()
    return ctx.find_root().ensure_object(Options)


def common(function: _F) -> _F:
    """Adds the common options to the ``function`` of a command, which reads them with :func:`options`."""

    @click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Data directory of the machine.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Config file.")
    @click.option("--no-plugin", multiple=True, metavar="NAME", help="Leave a plugin out; may be repeated.")
    @click.option("--quiet", "-q", is_flag=True, help="Print results only.")
    @click.option("--debug", is_flag=True, help="Show tracebacks.")
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        options().take({name: kwargs.pop(name) for name in _NAMES})
        return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]  # a command function is called by click only
