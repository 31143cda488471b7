"""The configuration of a machine, read from several layers, with the origin of each value.

The layers, from the weakest to the strongest: defaults, the user's file, the project's file (``hyperverse.toml`` or
``[tool.hyperverse]`` in ``pyproject.toml``, from the working directory upward), the environment, flags. See
docs/reference/config.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ..errors import ConfigError
from .check import Fault, Secret
from .files import (
    Leaves,
    ValueOrigin,
    default_data_dir,
    environment_layer,
    file_layer,
    find_project_file,
    flag_layer,
    merge,
    nested,
    user_file,
)
from .read import read_config, resolve_secrets
from .schema import (
    DEFAULT_TRANSPORT,
    STANDALONE,
    Choice,
    Config,
    Control,
    KindSettings,
    Limits,
    Log,
    Plugins,
    StarTemplate,
)

__all__ = [
    "DEFAULT_TRANSPORT",
    "STANDALONE",
    "Choice",
    "Config",
    "Control",
    "KindSettings",
    "Limits",
    "LoadedConfig",
    "Log",
    "Plugins",
    "Secret",
    "StarTemplate",
    "ValueOrigin",
    "default_data_dir",
    "dump",
    "load_config",
    "without_secrets",
]

_SECRET_KEY = re.compile(r"passw|secret|token|passphrase|private|credential", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*(?=@)")


@attrs.frozen
class LoadedConfig:
    """Result of :func:`load_config`.

    Attributes:
        config: the values. ``data_dir`` and ``plugins.folder`` are always set.
        origins: origin of each value by its dotted key. A key that is missing has its default.
        files: files that were read, the strongest last.
    """

    config: Config
    origins: Mapping[str, ValueOrigin]
    files: tuple[Path, ...] = ()

    def origin(self, key: str) -> ValueOrigin:
        """Returns the origin of the value of a dotted key."""
        found = self.origins.get(key)
        while found is None and "." in key:
            key = key.rpartition(".")[0]
            found = self.origins.get(key)
        return found or ValueOrigin("default")


def load_config(
    path: Path | None = None,
    *,
    start: Path | None = None,
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
        ConfigError: something is wrong. ``faults`` has one line for each fault: ``FILE: key.path: what; hint``.

    Example::

        config = load_config(flags={"name": "alpha"}).config
    """
    start = (start or Path.cwd()).absolute()
    environ = os.environ if environ is None else environ
    flags = {key: value for key, value in (flags or {}).items() if value is not None}
    project = path.absolute() if path is not None else find_project_file(start)
    user = user_file()
    layers = [
        *([file_layer(user, "user")] if user is not None else []),
        *([file_layer(project, "project")] if project is not None else []),
        environment_layer(environ, start),
        flag_layer(flags, start),
    ]
    leaves, faults = resolve_secrets(merge(layers), environ)
    tree = nested(leaves)
    config, wrong = read_config(tree)
    lines = [fault for layer in layers for fault in layer.faults] + [_line(f, leaves) for f in (*faults, *wrong)]
    if lines or config is None:
        raise ConfigError(faults=lines)
    origins = {".".join(key): origin for key, (_, origin) in leaves.items()}
    if config.data_dir is None:
        config = attrs.evolve(config, data_dir=default_data_dir(start))
    if config.plugins.folder is None:
        folder = project.parent if project is not None else start
        config = attrs.evolve(config, plugins=attrs.evolve(config.plugins, folder=folder))
    return LoadedConfig(config, origins, tuple(file for file in (user, project) if file is not None))


def _line(fault: Fault, leaves: Leaves) -> str:
    """Returns a fault with the file, variable or flag that it comes from."""
    key = tuple(re.sub(r"\[\d+\]", "", fault.path).split("."))
    for length in range(len(key), 0, -1):
        for leaf, (_, origin) in leaves.items():
            if leaf[:length] == key[:length]:
                return f"{origin.where}: {fault}"
    return str(fault)


def dump(config: Config) -> dict[str, Any]:
    """Returns the configuration as plain tables, as in TOML, with ``***`` in the place of every secret."""
    plain = attrs.asdict(config, recurse=False)
    return {key: _plain(value, key) for key, value in plain.items()}


def without_secrets(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a plugin as plain values, without those that :func:`dump` hides, so that they can be
    written to a file."""
    shown = _plain(settings, "")
    return {key: shown[key] for key, value in settings.items() if shown[key] == value}


def _plain(value: Any, key: str) -> Any:
    if isinstance(value, Choice):
        return {"driver": value.driver, **_plain(value.settings, key)}
    if attrs.has(type(value)):
        return {k: _plain(v, k) for k, v in attrs.asdict(value, recurse=False).items()}
    if isinstance(value, Mapping):
        return {str(k): _plain(v, str(k)) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item, key) for item in value]
    if isinstance(value, Secret) or (isinstance(value, (str, bytes)) and value and _SECRET_KEY.search(key)):
        return "***"
    if isinstance(value, str):
        return _USERINFO.sub(r"\1:***", value)
    return str(value) if isinstance(value, Path) else value
