"""Shows a configuration as plain tables, without its secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from .check import Secret
from .schema import Choice, Config, Control
from .secrets import HIDDEN

__all__ = ["dump", "without_secrets"]

_SECRET_KEY: Final = re.compile(r"passw|secret|token|passphrase|private|credential", re.IGNORECASE)
_OF_PLUGINS: Final = ("placements", "drivers", "gateways")
"""Tables that contain a table of settings for each name."""


def dump(config: Config, plain: Collection[str] = ()) -> dict[str, Any]:
    """Returns the configuration as plain tables, as in TOML, with ``***`` in place of everything that may be a secret:
    every setting of a plugin that is not among the plain ones.

    Args:
        plain: settings of plugins that anybody may see, by dotted key, such as ``registry.path``.
    """
    shown: dict[str, Any] = {}
    for key, value in attrs.asdict(config, recurse=False).items():
        if isinstance(value, Choice):
            shown[key] = {"driver": value.driver, **_settings(value.settings, key, plain)}
        elif isinstance(value, Control):
            own = {
                name: _plain(item) for name, item in attrs.asdict(value, recurse=False).items() if name != "settings"
            }
            shown[key] = {**own, **_settings(value.settings, key, plain)}
        elif key in _OF_PLUGINS:
            shown[key] = {name: _settings(table, f"{key}.{name}", plain) for name, table in value.items()}
        else:
            shown[key] = _plain(value)
    return shown


def _settings(table: Mapping[str, Any], above: str, plain: Collection[str]) -> dict[str, Any]:
    return {
        key: _plain(value) if f"{above}.{key}" in plain and not isinstance(value, Secret) else HIDDEN
        for key, value in table.items()
    }


def without_secrets(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a transport as plain values, without those that are secrets by reference or by name. They
    are written to a file that only the owner can read."""
    return {key: _plain(value) for key, value in settings.items() if not _is_secret(key, value)}


def _is_secret(key: object, value: Any) -> bool:
    named = isinstance(value, (str, bytes)) and value and _SECRET_KEY.search(str(key))
    return bool(named) or _has_secret(value)


def _has_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_secret(key, item) for key, item in value.items())
    if isinstance(value, (tuple, list)):
        return any(map(_has_secret, value))
    return isinstance(value, Secret) or (isinstance(value, str) and "://" in value and "@" in value)


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        return {k: _plain(v) for k, v in attrs.asdict(value, recurse=False).items()}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Secret):
        return HIDDEN
    return str(value) if isinstance(value, Path) else value
