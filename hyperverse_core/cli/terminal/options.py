"""Options that every command takes, before or after its name."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ...config import LoadedConfig
    from ...data_dir.contexts import SavedContext
    from ...plugins import PluginSet

__all__ = ["Options", "common", "options"]

_F = TypeVar("_F", bound=Callable[..., Any])
_NAMES = ("data_dir", "context", "as_json", "config", "debug", "quiet", "no_plugin")


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
        self._context = ""
        self.json = False
        self.config: Path | None = None
        self.debug = False
        self.quiet = False
        self._told: set[str] = set()

    def take(self, given: Mapping[str, Any]) -> None:
        """Adds the values ``given`` at one place of the command line, before or after the name of the command."""
        if given["data_dir"] is not None:
            self.data_dir = given["data_dir"].absolute()
        if given["context"] is not None:
            self._context = given["context"]
        if self._context and self.data_dir is not None:
            raise click.UsageError("a command uses --context or --data-dir, not both")
        if given["config"] is not None:
            self.config = given["config"].absolute()
        self.json |= given["as_json"]
        self.debug |= given["debug"]
        self.quiet |= given["quiet"]
        for name in given[
            "no_plugin"
        ]:  # in the environment, so that a machine started by this command also leaves it out
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

        given = {"data_dir": self._named_data_dir(), **(flags or {})}
        loaded = load_config(self.config, flags=given)
        self._tell(loaded.passed_over)
        return loaded

    def _tell(self, passed_over: Iterable[str]) -> None:
        """Reports once on stderr what was found and not used."""
        from .output import note

        for said in passed_over:
            if said not in self._told and not self.quiet:
                note(f"warning: {said}\n  hint: if you trust it, name it with --config or --data-dir")
            self._told.add(said)

    def context(self) -> SavedContext | None:
        """Returns the context of the command: that of ``--context``, else of ``HYPERVERSE_CONTEXT``, else the one in
        use; None if there is none, or if the user has named a data directory or a config file.

        Raises:
            NotFound: there is no context of that name.
            ConfigError: its file cannot be used.
        """
        from ...config.search import user_folder
        from ...data_dir.contexts import CONTEXT_VARIABLE, Contexts

        folder = user_folder()
        if folder is None:
            return None
        contexts = Contexts(folder)
        name = self._context
        if not name and self.data_dir is None and self.config is None:
            named = "HYPERVERSE__DATA_DIR" in os.environ
            name = os.environ.get(CONTEXT_VARIABLE, "").strip() or ("" if named else contexts.in_use())
        return contexts.get(name) if name else None

    def _named_data_dir(self) -> str | None:
        """Returns the data directory that the user has named for this command, directly or by a context."""
        if self.data_dir is not None:
            return str(self.data_dir)
        found = self.context() if self._context else None
        return (found.data_dir or None) if found is not None else None

    def where(self) -> Path:
        """Returns the data directory: the given one, else that of the context, else that of the configuration.

        Raises:
            ConfigError: there is none, or the context has none.
            NotFound: there is no such context.
        """
        if self.data_dir is not None:
            return self.data_dir
        found = self.context()
        if found is not None:
            if found.data_dir:
                return Path(found.data_dir)
            from ...errors import ConfigError

            raise ConfigError(
                f"the context {found.name!r} is on another computer, and this command needs a data directory",
                hint="run it on that computer, or give --data-dir",
            )
        data_dir = self.load().config.data_dir
        assert data_dir is not None  # load_config fills it in
        return data_dir

    def lane_settings(self) -> dict[str, dict[str, Any]]:
        """Returns the settings of the configured transports by their names, as :meth:`Client.connect` takes them.

        The result is empty if the user gave a data directory or a context but no config file, because the machine has
        written its settings there. Raises ConfigError.
        """
        if self.config is None and (self.data_dir is not None or self.context() is not None):
            return {}
        return self.load().config.client_settings()

    def plugins(self) -> PluginSet:
        """Loads the plugins that the configuration allows. Their output meanwhile goes to stderr, so that it does not
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
    @click.option("--context", metavar="NAME", help="Constellation to talk to; see `hyperverse context`.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Config file.")
    @click.option("--no-plugin", multiple=True, metavar="NAME", help="Plugin to leave out; may be repeated.")
    @click.option("--quiet", "-q", is_flag=True, help="Print results only.")
    @click.option("--debug", is_flag=True, help="Show tracebacks.")
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        options().take({name: kwargs.pop(name) for name in _NAMES})
        _refuse_nan(kwargs)
        return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]  # only click calls the function of a command


def _refuse_nan(given: Mapping[str, Any]) -> None:
    """Refuses "nan" as the value of an option: it is neither less nor more than the bounds of a range, so click accepts
    it, but it is meaningless as a time to wait."""
    ctx = click.get_current_context()
    for param in ctx.command.params:
        value = given.get(param.name or "")
        if isinstance(value, float) and math.isnan(value):
            raise click.BadParameter("nan is not a valid number.", ctx, param)
