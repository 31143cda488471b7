"""Options that every command takes, before or after its name."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping
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
    """The values of the common options.

    Attributes:
        data_dir: the data directory that the user gave, as an absolute path; None without ``--data-dir``.
        json: whether to print JSON, one value on each line where there are several.
        config: the config file that the user gave, as an absolute path; None without ``--config``.
        debug: whether to show tracebacks.
        quiet: whether to print results only.
    """

    def __init__(self) -> None:
        self.data_dir: Path | None = None
        self.json = False
        self.config: Path | None = None
        self.debug = False
        self.quiet = False
        self._told: set[str] = set()

    def take(self, given: Mapping[str, Any]) -> None:
        """Adds values that were ``given`` at one place of the command line: before or after the name of the command."""
        if given["data_dir"] is not None:
            self.data_dir = given["data_dir"].absolute()
        if given["config"] is not None:
            self.config = given["config"].absolute()
        self.json |= given["as_json"]
        self.debug |= given["debug"]
        self.quiet |= given["quiet"]
        for name in given[
            "no_plugin"
        ]:  # in the environment, so that a machine that this command starts leaves it out too
            before = os.environ.get("HYPERVERSE_DISABLE_PLUGINS", "")
            os.environ["HYPERVERSE_DISABLE_PLUGINS"] = f"{before} {name}".strip()

    def load(self, flags: Mapping[str, Any] | None = None) -> LoadedConfig:
        """Returns the configuration from all its layers.

        Args:
            flags: values by dotted key, such as ``{"log.format": "json"}``, which win over every other layer. A None
                is ignored.

        Raises:
            ConfigError: something in the configuration is wrong.
        """
        from ...config import load_config

        given = {"data_dir": str(self.data_dir) if self.data_dir is not None else None, **(flags or {})}
        loaded = load_config(self.config, flags=given)
        self._tell(loaded.passed_over)
        return loaded

    def _tell(self, passed_over: Iterable[str]) -> None:
        """Says once on stderr what was found and not used."""
        from .output import note

        for said in passed_over:
            if said not in self._told and not self.quiet:
                note(f"warning: {said}\n  hint: name it with --config or --data-dir if you trust it")
            self._told.add(said)

    def where(self) -> Path:
        """Returns the data directory: the given one, else that of the configuration. Raises ConfigError."""
        if self.data_dir is not None:
            return self.data_dir
        data_dir = self.load().config.data_dir
        assert data_dir is not None  # load_config fills it in
        return data_dir

    def lane_settings(self) -> dict[str, dict[str, Any]]:
        """Returns the settings of the configured transport by its name, as :meth:`Client.connect` takes them.

        The result is empty when the user gave a data directory and no config file: the machine has written its settings
        there. Raises ConfigError.
        """
        if self.data_dir is not None and self.config is None:
            return {}
        config = self.load().config
        return {config.lanes.driver: config.transport_settings()}

    def plugins(self) -> PluginSet:
        """Loads the plugins that the configuration allows. What they print meanwhile goes to stderr, where it does not
        mix with results. Raises ConfigError."""
        from ...plugins import PluginSet

        settings = self.load().config.plugins
        with contextlib.redirect_stdout(sys.stderr):
            return PluginSet.load(settings)


def options() -> Options:
    """Returns the common options of the running command. Raises RuntimeError outside a command."""
    ctx = click.get_current_context()
    return ctx.find_root().ensure_object(Options)


def common(function: _F) -> _F:
    """Adds the common options to the ``function`` of a command, which reads them with :func:`options`.

    Put it below ``@click.command()``. The function does not get the values as arguments.
    """

    @click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Data directory of the machine.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Config file.")
    @click.option("--no-plugin", multiple=True, metavar="NAME", help="Plugin to leave out; may be repeated.")
    @click.option("--quiet", "-q", is_flag=True, help="Print results only.")
    @click.option("--debug", is_flag=True, help="Show tracebacks.")
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        options().take({name: kwargs.pop(name) for name in _NAMES})
        return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]  # only click calls the function of a command
