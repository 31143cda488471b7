"""``hyperverse config``: the configuration in effect, and where each value comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from ..terminal.options import common, options
from ..terminal.output import print_json
from .shown_config import shown_config

__all__ = ["config"]


@click.group()
def config() -> None:
    """Show the configuration, where each value comes from, and its JSON Schema."""


@config.command()
@click.option("--origin", is_flag=True, help="Add the origin of each value.")
@common
def show(origin: bool) -> None:
    """Show every value in effect as TOML, with the settings of the chosen plugins.

    A setting that its plugin does not declare as plain may be a secret, so it is shown as ***.
    """
    loaded = options().load()
    values = shown_config(loaded.config, options().plugins())
    if options().json:
        lines = dict(_lines(values))
        origins = {key: str(loaded.origin(key)) for key in lines}
        print_json({"config": values, "origins": origins} if origin else values)
        return
    if origin:
        rows = [(f"{key} = {_toml(value)}", str(loaded.origin(key))) for key, value in _lines(values)]
        width = min(60, max(len(said) for said, _ in rows))
        for said, where in rows:
            print(f"{said.ljust(width)}  # {where}")
        return
    _print_tables(values)


@config.command()
@common
def schema() -> None:
    """Print the JSON Schema of the config file, for editors."""
    from .config_schema import config_schema

    found = config_schema(options().load().config, options().plugins())
    print(json.dumps(found, ensure_ascii=False, indent=None if options().json else 2))


def _lines(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yields every value by its dotted key."""
    for key, value in values.items():
        name = f"{above}.{_key(key)}" if above else _key(key)
        if isinstance(value, dict) and value:
            yield from _lines(value, name)
        elif value is not None:
            yield name, value


def _print_tables(values: dict[str, Any], above: str = "") -> None:
    """Prints the values as a valid config file."""
    tables = {key: value for key, value in values.items() if isinstance(value, dict) and value}
    for key, value in values.items():
        if key not in tables and value is not None and not _is_tables(value) and value != {}:
            print(f"{_key(key)} = {_toml(value)}")
    for key, value in values.items():
        for item in value if _is_tables(value) else ():
            print(f"\n[[{above}{_key(key)}]]")
            _print_tables(item, f"{above}{_key(key)}.")
    for key, value in tables.items():
        print(f"\n[{above}{_key(key)}]")
        _print_tables(value, f"{above}{_key(key)}.")


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _key(key: str) -> str:
    return key if key and all(c.isalnum() or c in "-_" for c in key) and key.isascii() else json.dumps(key)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items() if v is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (str, bool, int, float)) else str(value)
