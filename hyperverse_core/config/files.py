"""Reads the layers of the configuration, and merges them key by key with their origins."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from ..errors import ConfigError
from .schema import Choice, Config
from .url_schemes import registry_of_url, transport_of_servers

__all__ = [
    "ConfigLayer",
    "Leaves",
    "ValueOrigin",
    "environment_layer",
    "file_layer",
    "flag_layer",
    "merge",
    "nested",
]

ENV_PREFIX = "HYPERVERSE__"
_REFERENCES = ({"file"}, {"env"})
_CHOICES = ("registry", "lanes", "security", "blobs", "control")
_OF_NO_DRIVER = frozenset({("control", "enabled")})

_VARIABLES = (
    "HYPERVERSE_TOKEN",
    "HYPERVERSE_INVITATION",
    "HYPERVERSE_DISABLE_PLUGINS",
    "HYPERVERSE_LOAD_PLUGINS",
    "HYPERVERSE_TRACE_PLUGINS",
)
"""Variables of this project that do not set a key of the configuration."""
_KEYS = frozenset(attrs.fields_dict(Config))
_TABLES = frozenset(
    name
    for name, field in attrs.fields_dict(Config).items()
    if isinstance(field.default, Choice) or attrs.has(type(field.default)) or name in ("kinds", "drivers", "placements")
)

Key: TypeAlias = tuple[str, ...]


@attrs.frozen
class ValueOrigin:
    """Where a value comes from.

    Attributes:
        source: its layer. A later one in ``default user project environment flag`` overrides earlier ones.
        where: the file, variable or flag.
        base: directory that its relative paths are relative to.
    """

    source: Literal["default", "user", "project", "environment", "flag"]
    where: str = ""
    base: Path = Path()

    def __str__(self) -> str:
        return f"{self.source} ({self.where})" if self.where else self.source


Leaves: TypeAlias = dict[Key, tuple[Any, ValueOrigin]]
"""The values of a layer with their origins, by the path of their keys."""


@attrs.frozen
class ConfigLayer:
    """The values of one layer, and the faults in its form."""

    leaves: Leaves
    faults: tuple[str, ...] = ()


def file_layer(path: Path, source: Literal["user", "project"]) -> ConfigLayer:
    """Reads a file. Raises ConfigError when it cannot be read or is not TOML."""
    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as exc:
        raise ConfigError(faults=[f"{path}: cannot be read: {exc.strerror}"]) from exc
    except ValueError as exc:
        raise ConfigError(faults=[f"{path}: not a TOML file: {exc}"]) from exc
    if path.name == "pyproject.toml":
        document = document.get("tool", {}).get("hyperverse", {})
        if not isinstance(document, dict):
            return ConfigLayer({}, (f"{path}: tool.hyperverse: must be a table, not {document!r}",))
    origin = ValueOrigin(source, str(path), path.parent.absolute())
    return ConfigLayer({key: (value, origin) for key, value in _leaves(document)})


def environment_layer(environ: Mapping[str, str], base: Path) -> ConfigLayer:
    """Reads variables such as ``HYPERVERSE__LANES__DRIVER=local``. A value that is not valid TOML is read as a string.
    In a variable's name, a part in capitals means lower case; a part in mixed case (a Kind) is taken as it is."""
    leaves: Leaves = {}
    faults: list[str] = []
    for name in sorted(environ):
        if not name.startswith(ENV_PREFIX):
            faults += _misspelled(name)
            continue
        parts = name[len(ENV_PREFIX) :].split("__")
        if not all(parts):
            faults.append(f"{name}: names no key; write {ENV_PREFIX}LANES__DRIVER=local")
            continue
        key = tuple(part.lower() if part.isupper() else part for part in parts)
        value = _toml_value(environ[name])
        origin = ValueOrigin("environment", name, base)
        for below, leaf in _leaves(value) if _is_table(value) else [((), value)]:
            leaves[key + below] = (leaf, origin)
    return ConfigLayer(leaves, tuple(faults))


def _misspelled(name: str) -> list[str]:
    """Returns the fault of a variable that was probably meant for this program; nothing for others."""
    if not name.startswith("HYPERVERSE_") or name in _VARIABLES:
        return []
    first, *more = name.removeprefix("HYPERVERSE_").split("_")
    table = first.lower()
    if table in _TABLES:
        return [f"{name}: there is no such variable; did you mean {'__'.join(['HYPERVERSE', first, '_'.join(more)])}?"]
    whole = name.removeprefix("HYPERVERSE_").lower()
    if whole in _KEYS:
        return [f"{name}: there is no such variable; did you mean {ENV_PREFIX}{whole.upper()}?"]
    # Compared without the shared prefix: otherwise every variable of another program with this prefix would look like
    # ours.
    near = difflib.get_close_matches(whole, [known.removeprefix("HYPERVERSE_").lower() for known in _VARIABLES])
    return [f"{name}: there is no such variable; did you mean 'HYPERVERSE_{near[0].upper()}'?"] if near else []


def flag_layer(flags: Mapping[str, Any], base: Path) -> ConfigLayer:
    """Returns the values of command-line flags, given by dotted keys such as ``log.format``."""
    return ConfigLayer(
        {tuple(key.split(".")): (value, ValueOrigin("flag", _flag(key), base)) for key, value in flags.items()}
    )


def _flag(key: str) -> str:
    if key.startswith("portal."):
        return "--portal"
    return "--" + key.replace(".", "-").replace("_", "-")


def _toml_value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _is_table(value: Any) -> bool:
    """Returns whether ``value`` is a table. A reference to a secret looks like one, but is a single value."""
    return isinstance(value, dict) and set(value) not in _REFERENCES


def _leaves(table: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    for key, value in table.items():
        if _is_table(value) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def merge(layers: list[ConfigLayer]) -> Leaves:
    """Merges layers key by key; a later layer wins.

    A layer that names another driver for the registry, the lanes, the security, the blobs or the clients drops the
    settings of earlier layers, which belong to the driver that it replaces.
    """
    merged: Leaves = {}
    for layer in layers:
        for choice in _CHOICES:
            named, before = _named(layer.leaves, choice), _named(merged, choice)
            if named is not None and before is not None and named != before:
                merged = {key: leaf for key, leaf in merged.items() if key[0] != choice or key in _OF_NO_DRIVER}
        for key, leaf in layer.leaves.items():
            for other in [k for k in merged if _clash(k, key)]:
                del merged[other]
            merged[key] = leaf
    return merged


def _named(leaves: Leaves, choice: str) -> str | None:
    """Returns the driver that these values select, by its name or by the URL of a registry or a broker; None when they
    select none."""
    driver = leaves.get((choice, "driver"))
    if driver is not None:
        return str(driver[0])
    if choice == "lanes":
        servers = leaves.get((choice, "servers"))
        return None if servers is None else transport_of_servers(servers[0])
    if choice != "registry":
        return None
    url = leaves.get((choice, "url"))
    if url is not None:
        return registry_of_url(url[0])
    return Config().registry.driver if (choice, "path") in leaves else None


def _clash(one: Key, other: Key) -> bool:
    """Returns whether one of two keys lies below the other, so that only one of them can have a value."""
    short = min(len(one), len(other))
    return len(one) != len(other) and one[:short] == other[:short]


def nested(leaves: Leaves) -> dict[str, Any]:
    """Returns the values as nested tables."""
    tree: dict[str, Any] = {}
    for key, (value, _) in leaves.items():
        table = tree
        for part in key[:-1]:
            table = table.setdefault(part, {})
        table[key[-1]] = value
    return tree
