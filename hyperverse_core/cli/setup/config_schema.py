"""The JSON Schema of the config file, for editors, made from the classes of the configuration and the declarations of
plugins."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from ...config import Choice, Config, StarTemplate
from ...config.check import hints_of
from ...plugins.settings import SettingsInfo
from .shown_config import settings_tables

if TYPE_CHECKING:
    from ...plugins import PluginSet

__all__ = ["config_schema"]

_TYPES: Final[Mapping[Any, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    Path: "string",
}
_REFERENCE: Final = {
    "type": "object",
    "properties": {"file": {"type": "string"}, "env": {"type": "string"}},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
"""What may replace the value of a secret setting."""
_THINGS: Final = {"registry": "registry", "lanes": "transport", "security": "policy", "blobs": "blob store"}
_MACHINE_LANES: Final = ("address", "advertise")
_ATTRIBUTE: Final = re.compile(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", re.MULTILINE)


def config_schema(config: Config, plugins: PluginSet) -> dict[str, Any]:
    """Returns the JSON Schema of ``hyperverse.toml``, with the settings that the chosen plugins declare."""
    schema = _of_class(Config)
    for path, info in settings_tables(config, plugins):
        _add_settings(schema["properties"], path, info)
    for table, thing in _THINGS.items():
        schema["properties"][table]["properties"]["driver"]["enum"] = sorted(plugins.names(thing))
    control = schema["properties"]["control"]
    control["properties"]["driver"]["enum"] = ["", *sorted(plugins.names("transport"))]
    control["additionalProperties"] = True  # settings of its driver
    del control["properties"]["settings"]
    for name in _MACHINE_LANES:
        schema["properties"]["lanes"]["properties"][name] = {"type": "string"}
    schema["properties"]["security"]["properties"]["timeout"] = {"type": "number"}
    kinds = schema["properties"]["kinds"]["additionalProperties"]["properties"]
    kinds["placement"]["enum"] = sorted(plugins.names("placement"))
    _add_portal(schema["properties"], plugins)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hyperverse.toml",
        **schema,
    }


def _of_class(cls: type) -> dict[str, Any]:
    """A table: one property for each field."""
    if cls is Choice:
        return {"type": "object", "properties": {"driver": {"type": "string"}}, "additionalProperties": True}
    hints, about = hints_of(cls), _about(cls)
    properties: dict[str, Any] = {}
    required = []
    for field in attrs.fields(cls):
        found = _of_hint(hints[field.name])
        if field.name in about:
            found = {"description": about[field.name], **found}
        if isinstance(field.default, (str, int, float, bool)):
            found["default"] = field.default
        if field.default is attrs.NOTHING:
            required.append(field.name)
        properties[field.name] = found
    if cls is StarTemplate:
        properties["count"] = {"type": "integer", "minimum": 1, "description": "number of such stars, from index 0"}
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _of_hint(hint: Any) -> dict[str, Any]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _of_hint(next(arg for arg in args if arg is not type(None)))
    if origin is Literal:
        return {"enum": list(args)}
    if origin is tuple:
        return {"type": "array", "items": _of_hint(args[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of_hint(args[1])}
    if isinstance(hint, type) and attrs.has(hint):
        return _of_class(hint)
    return {"type": _TYPES[hint]} if hint in _TYPES else {}


def _about(cls: type) -> dict[str, str]:
    """Returns the descriptions of attributes in the docstring of a class."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    found = {}
    for names, said in _ATTRIBUTE.findall(text + "\n"):
        for name in names.split(", "):
            found[name] = " ".join(said.replace("``", "`").split())
    return found


def _add_settings(properties: dict[str, Any], path: tuple[str, ...], info: SettingsInfo) -> None:
    """Adds the settings of one plugin to the schema of its table."""
    table = properties[path[0]]
    if len(path) > 1:
        table = table.setdefault("properties", {}).setdefault(path[1], {"type": "object", "additionalProperties": True})
    defaults = info.defaults()
    for name, field in info.fields.items():
        found = _of_hint(field.type) if not isinstance(field.type, str) else _of_name(field.type)
        said = {"anyOf": [found, _REFERENCE]} if found else {}
        if name in defaults:
            said["default"] = defaults[name]
        table.setdefault("properties", {})[name] = said


def _add_portal(properties: dict[str, Any], plugins: PluginSet) -> None:
    """Gives ``[portal]`` the settings of ``[gateways.portal]``, and one that says whether the machine opens the
    portal."""
    said = {"type": "boolean", "description": "whether the machine opens the portal"}
    properties["portal"] = {"type": "object", "properties": {"enabled": said}}
    if "portal" in plugins.names("gateway"):
        _add_settings(properties, ("portal",), plugins.settings("gateway", "portal"))


def _of_name(annotation: str) -> dict[str, Any]:
    """Returns the schema of an annotation that is a string, as with `from __future__ import annotations`."""
    names = {kind.__name__: {"type": text} for kind, text in _TYPES.items()}
    return dict(names.get(annotation.partition(" | None")[0], {}))
