"""Builds the classes of the schema from merged tables, and resolves references to secrets."""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ..errors import did_you_mean
from .check import Fault, Secret, faults_of_fields, hints_of, join
from .files import Leaves, ValueOrigin
from .portal_table import PORTAL_KEYS
from .schema import Choice, Config, Control, StarTemplate
from .star_faults import star_faults
from .url_schemes import registry_of_url, transport_of_servers

__all__ = ["read_config", "resolve_secrets"]

_PATHS = frozenset({("data_dir",), ("plugins", "folder")})


def read_config(tree: Mapping[str, Any]) -> tuple[Config | None, list[Fault]]:
    """Returns the configuration that the tables describe, or None and all of their faults."""
    faults: list[Fault] = []
    values = _fields(Config, tree, "", faults)
    if not faults and "stars" in values:
        faults += star_faults(values["stars"])
    return (None, faults) if faults else (Config(**values), [])


def _build(cls: type, table: Any, path: str, faults: list[Fault]) -> Any:
    """Builds an object of an attrs class. Returns None when the table has faults, and adds them to ``faults``."""
    if not isinstance(table, Mapping):
        faults.append(Fault(path, f"must be a table, not {table!r}", _choice_hint(cls, path, table)))
        return None
    before = len(faults)
    values = _fields(cls, table, path, faults)
    return cls(**values) if len(faults) == before else None


def _fields(cls: type, table: Mapping[str, Any], path: str, faults: list[Fault]) -> dict[str, Any]:
    """Returns the arguments for ``cls`` from a table, and adds what is wrong with them to ``faults``."""
    if cls is Choice:
        table = _choice_table(table, path)
    hints, values = hints_of(cls), {}
    if cls is Control:
        table, hints = _control_table(table, hints)
    known = [*hints, *(["count"] if cls is StarTemplate else PORTAL_KEYS if cls is Config else [])]
    for key, value in table.items():
        where = join(path, key)
        if key not in hints:
            hint = did_you_mean(key, known).removeprefix("; ") or f"known: {', '.join(known)}"
            faults.append(Fault(where, "there is no such key", hint))
            continue
        before = len(faults)
        value = _value(hints[key], value, where, faults)
        if len(faults) == before:
            values[key] = _converted(cls, key, value)
    for field in attrs.fields(cls):
        if field.default is attrs.NOTHING and field.name not in table:
            faults.append(Fault(join(path, field.name), "is missing"))
    faults += faults_of_fields(cls, values, path)
    return values


def _converted(cls: type, name: str, value: Any) -> Any:
    converter = getattr(attrs.fields_dict(cls)[name], "converter", None)
    return converter(value) if converter is not None else value


def _choice_table(table: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Returns a table with ``driver``, which has a default, and ``settings``, which are all other keys."""
    default: Any = attrs.fields_dict(Config)[path].default
    settings = {key: value for key, value in table.items() if key != "driver"}
    named = table.get("driver")
    if named is not None:
        return {"driver": named, "settings": settings}
    if path == "registry":
        named = registry_of_url(table.get("url"))
    elif path == "lanes":
        named = transport_of_servers(table.get("servers"))
    return {"driver": named or default.driver, "settings": settings, "named": named is not None or default.named}


def _control_table(table: Mapping[str, Any], hints: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the table ``[control]`` and the keys that it may have. With a driver, unknown keys become its transport's
    ``settings``; without one there are no settings, so that a misspelt key is reported."""
    known = {key: hint for key, hint in hints.items() if key != "settings"}
    if not table.get("driver"):
        return dict(table), known
    settings = {key: value for key, value in table.items() if key not in known}
    return {**{key: value for key, value in table.items() if key in known}, "settings": settings}, dict(hints)


def _choice_hint(cls: type, path: str, table: Any) -> str:
    return f"write [{path}] driver = {table!r}" if cls is Choice and isinstance(table, str) else ""


def _value(hint: Any, value: Any, path: str, faults: list[Fault]) -> Any:
    """Returns ``value``, with tables turned into the classes that the annotation asks for."""
    if attrs.has(hint):
        return _build(hint, value, path, faults)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and args[0] is StarTemplate and isinstance(value, list):
        return _stars(value, path, faults)
    if origin is tuple and isinstance(value, list):
        return tuple(value)
    if origin is not None and isinstance(value, Mapping) and args and attrs.has(args[-1]):
        return {key: _build(args[-1], item, join(path, key), faults) for key, item in value.items()}
    return value


def _stars(items: list[Any], path: str, faults: list[Fault]) -> tuple[StarTemplate, ...]:
    """Returns the stars of ``[[stars]]``. An entry with ``count`` stands for several."""
    stars: list[StarTemplate] = []
    for position, item in enumerate(items):
        where = f"{path}[{position}]"
        count = item.get("count", 1) if isinstance(item, Mapping) else 1
        if type(count) is not int or count < 1:
            faults.append(Fault(join(where, "count"), f"must be an integer of 1 or more, not {count!r}"))
            continue
        if isinstance(item, Mapping) and "count" in item and "index" in item:
            faults.append(Fault(where, "give 'count' or 'index', not both", "count = 3 stands for the indexes 0 to 2"))
            continue
        item = {k: v for k, v in item.items() if k != "count"} if isinstance(item, Mapping) else item
        star = _build(StarTemplate, item, where, faults)
        if star is not None:
            stars += [star] if count == 1 else [attrs.evolve(star, index=i) for i in range(count)]
    return tuple(stars)


def resolve_secrets(leaves: Leaves, environ: Mapping[str, str]) -> tuple[Leaves, list[Fault]]:
    """Replaces each ``{file = "..."}`` and ``{env = "..."}`` with the Secret that it refers to, and resolves paths
    relative to the file that names them."""
    faults: list[Fault] = []
    resolve = functools.partial(_secret, environ=environ, faults=faults)
    resolved: Leaves = {key: (resolve(value, origin, ".".join(key)), origin) for key, (value, origin) in leaves.items()}
    for key in _PATHS & resolved.keys():
        value, origin = resolved[key]
        if isinstance(value, (str, Path)):
            try:
                resolved[key] = (str(origin.base / Path(value).expanduser()), origin)
            except RuntimeError as exc:  # there is no home directory
                faults.append(Fault(".".join(key), f"{str(value)!r} cannot be found: {exc}"))
    return resolved, faults


def _secret(value: Any, origin: ValueOrigin, path: str, *, environ: Mapping[str, str], faults: list[Fault]) -> Any:
    if isinstance(value, list):
        return [_secret(v, origin, f"{path}[{i}]", environ=environ, faults=faults) for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if set(value) == {"env"} and isinstance(value["env"], str):
        if value["env"] in environ:
            return Secret(environ[value["env"]])
        faults.append(Fault(path, f"the variable {value['env']!r} is not set"))
        return Secret()
    if set(value) == {"file"} and isinstance(value["file"], str):
        try:
            file = origin.base / Path(value["file"]).expanduser()
        except RuntimeError as exc:  # there is no home directory
            faults.append(Fault(path, f"{value['file']!r} cannot be found: {exc}"))
            return Secret()
        try:
            return Secret(file.read_text("utf-8-sig").rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as exc:
            faults.append(Fault(path, f"the secret in {str(file)!r} cannot be read: {exc}"))
            return Secret()
    return {k: _secret(v, origin, join(path, k), environ=environ, faults=faults) for k, v in value.items()}
