"""Shows a configuration as plain tables, without its secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from .check import Secret
from .schema import Choice, Config

__all__ = ["dump", "without_secrets"]

_SECRET_KEY = re.compile(r"passw|secret|token|passphrase|private|credential", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*(?=@)")


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
