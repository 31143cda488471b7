"""Reads the configuration from all its layers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ..errors import ConfigError
from .check import Fault
from .files import (
    Leaves,
    ValueOrigin,
    environment_layer,
    file_layer,
    flag_layer,
    merge,
    nested,
)
from .portal_table import portal_as_gateway
from .read import read_config, resolve_secrets
from .schema import Config
from .search import data_dir_beside, distrust_of_plugin_file, find_project_file, user_file

__all__ = ["LoadedConfig", "load_config"]


@attrs.frozen
class LoadedConfig:
    """Result of :func:`load_config`.

    Attributes:
        config: the values, as they take effect on the data directory. ``data_dir`` and ``plugins.folder`` are always
            set.
        origins: origin of each value by its dotted key. A key that is missing here has its default.
        files: files that were read, the one with the highest precedence last.
        project: the project's file, which is one of them; None when there is none.
        passed_over: files that were found but ignored because another user could have put them there, with the reason.
    """

    config: Config
    origins: Mapping[str, ValueOrigin]
    files: tuple[Path, ...] = ()
    project: Path | None = None
    passed_over: tuple[str, ...] = ()

    def origin(self, key: str) -> ValueOrigin:
        """Returns the origin of the value of a dotted key."""
        found = self.origins.get(key)
        while found is None and "." in key:
            key = key.rpartition(".")[0]
            found = self.origins.get(key)
        return found or ValueOrigin("default")


def load_config(
    path: Path | str | None = None,
    *,
    start: Path | str | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> LoadedConfig:
    """Reads the configuration from all layers.

    Args:
        path: the project's file, instead of the one that is found from ``start`` upward.
        start: directory where the search begins; the working directory when None.
        flags: values by dotted key, such as ``{"lanes.driver": "local"}``. A value of None is ignored.
        environ: environment variables; those of the process when None.

    Returns:
        The configuration, and the origin of each value.

    Raises:
        ConfigError: the configuration has faults. ``faults`` has one line for each: ``FILE: key.path: what; hint``.

    Example::

        config = load_config(flags={"name": "alpha"}).config
    """
    for name, value in {"path": path, "start": start}.items():
        if not isinstance(value, str | os.PathLike | None):
            raise ConfigError(f"{name} is {type(value).__name__} {value!r:.40}, not a path")
    start = Path(start or Path.cwd()).absolute()
    environ = os.environ if environ is None else environ
    flags = {key: value for key, value in (flags or {}).items() if value is not None}
    project, passed_over = (Path(path).absolute(), "") if path is not None else find_project_file(start)
    user = user_file()
    layers = [
        *([file_layer(user, "user")] if user is not None else []),
        *([file_layer(project, "project")] if project is not None else []),
        environment_layer(environ, start),
        flag_layer(flags, start),
    ]
    merged = merge(layers)
    moved, misplaced = portal_as_gateway(merged)
    leaves, faults = resolve_secrets(moved, environ)
    tree = nested(leaves)
    config, wrong = read_config(tree)
    lines = [fault for layer in layers for fault in layer.faults]
    lines += [_line(f, {**merged, **leaves}) for f in (*misplaced, *faults, *wrong)]
    if lines or config is None:
        raise ConfigError(faults=lines)
    origins = {".".join(key): origin for key, (_, origin) in leaves.items()}
    also = ""
    if config.data_dir is None:
        data_dir, also = data_dir_beside(project, start)
        config = attrs.evolve(config, data_dir=data_dir)
    assert config.data_dir is not None, "it is searched for when it is not named"
    config = config.on(config.data_dir)
    if config.plugins.folder is None:
        folder = project.parent if project is not None else start
        if config.plugins.local and path is None:
            _check_plugin_file(folder, start)
        config = attrs.evolve(config, plugins=attrs.evolve(config.plugins, folder=folder))
    files = tuple(file for file in (user, project) if file is not None)
    return LoadedConfig(config, origins, files, project, tuple(filter(None, (passed_over, also))))


def _check_plugin_file(folder: Path, start: Path) -> None:
    """Raises ConfigError when the plugin file was found upward and another user could have put it there."""
    why = distrust_of_plugin_file(folder, start)
    if why:
        raise ConfigError(
            f"the plugin file in {str(folder)!r} is not imported: {why}",
            hint="make it yours alone, or name its folder with `plugins.folder` if you trust it",
        )


def _line(fault: Fault, leaves: Leaves) -> str:
    """Returns a fault with the file, variable or flag that it comes from."""
    key = tuple(re.sub(r"\[\d+\]", "", fault.path).split("."))
    for length in range(len(key), 0, -1):
        for leaf, (_, origin) in leaves.items():
            if leaf[:length] == key[:length]:
                return f"{origin.where}: {fault}"
    return str(fault)
