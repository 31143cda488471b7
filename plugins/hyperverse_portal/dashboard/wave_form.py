"""A form for a wave: made from the Kind's description of its handlers, and read back into the body of the wave."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from hyperverse_core.errors import BadRequest

__all__ = ["Field", "WaveForm", "forms"]

_PREFIX: Final = "arg."


@attrs.frozen
class Field:
    """One argument.

    Attributes:
        name: name of the argument.
        control: ``number``, ``text``, ``choice``, ``json``.
        kind: its type, in a word.
        required: whether it has no default.
        default: text of the default value.
        options: the options of a choice.
    """

    name: str
    control: str
    kind: str
    required: bool
    default: str = ""
    options: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name in the form."""
        return _PREFIX + self.name


@attrs.frozen
class WaveForm:
    """The form for one handler."""

    method: str
    path: str
    doc: str
    privilege: str
    fields: tuple[Field, ...]

    def body(self, sent: Mapping[str, str]) -> dict[str, Any] | None:
        """Returns the body of the wave. Raises BadRequest for a field with an invalid value.

        Args:
            sent: the names and values of the form, as a browser sends them.
        """
        found: dict[str, Any] = {}
        for field in self.fields:
            text = sent.get(field.key, "")
            if text == "" and not (field.required and field.control == "text"):
                continue
            found[field.name] = _value(field, text)
        return found or None


def forms(handlers: Sequence[Mapping[str, Any]]) -> list[WaveForm]:
    """Returns the forms for the handlers of a Kind, from the answer of ``GLOBAL::machine Ext<Kind>``. Handlers that
    take any method are left out."""
    return [_form(handler) for handler in handlers if "*" not in handler["takes"].partition("/")[0]]


def _form(handler: Mapping[str, Any]) -> WaveForm:
    method, slash, path = handler["takes"].partition("/")
    schema = handler["arguments"]
    return WaveForm(
        method,
        slash + path if slash and path.replace("/", "").isalnum() else "/",
        handler["doc"],
        handler["privilege"],
        tuple(_fields(schema)),
    )


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    for name, each in schema["properties"].items():
        required = name in schema["required"]
        default = json.dumps(each["default"], ensure_ascii=False) if "default" in each else ""
        target = _resolved(each)
        if "enum" in target:
            yield Field(name, "choice", "one of", required, default, tuple(map(json.dumps, target["enum"])))
        elif target.get("type") == "boolean":
            yield Field(name, "choice", "yes or no", required, default, ("true", "false"))
        elif target.get("type") in ("integer", "number"):
            yield Field(name, "number", "whole number" if target["type"] == "integer" else "number", required, default)
        elif target.get("type") == "string" and "contentEncoding" not in target:
            yield Field(name, "text", "text", required, default)
        else:
            yield Field(name, "json", "JSON", required, default)


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Resolves a reference to a schema."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = schema.get("$defs", {}).get(name, schema)
    return found


def _value(field: Field, text: str) -> Any:
    if field.control == "text":
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise BadRequest(
            f"{field.name}: {text[:100]!r} is not valid; expected: {field.kind}", hint="correct it and send again"
        ) from None
