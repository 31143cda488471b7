"""``hyperverse kinds``: lists the Kinds, or shows one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import heading, print_json, table
from ..terminal.shown import shown

__all__ = ["kinds"]

_MACHINE = "GLOBAL::machine"


@click.group(invoke_without_command=True)
@click.option("--all", "every", is_flag=True, help="Also list the Kinds that cannot be created.")
@common
def kinds(every: bool) -> None:
    """List the Kinds that can be created, and the plugin that serves each."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    found = [kind for kind in talk(lambda client: client.kinds()) if every or kind["creatable"]]
    if options().json:
        print_json(found)
        return
    rows = [[kind.get(key, "") or "" for key in ("kind", "plugin", "doc")] for kind in found]
    table(("kind", "plugin", "doc"), rows)


@kinds.command()
@click.argument("kind")
@common
def show(kind: str) -> None:
    """Show one Kind: where it can be created, its properties, and the handlers of its particles."""
    found: dict[str, Any] = talk(lambda client: client.ask(_MACHINE, "Ext<Kind>", {"kind": kind}))
    if options().json:
        print_json(found)
        return
    for line in _lines(found):
        print(line)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{heading(found['kind'])}: {shown(found['doc'])}"
    made = "can be created" if found["creatable"] else "cannot be created"
    by = f"plugin {found['plugin']}: {found['state']}" if found["plugin"] else "no driver"
    why = f": {shown(str(found['cause']))}" if found.get("cause") else ""
    yield f"  {made}; {by}{why}"
    for key, text in (("subs", "sub kinds"), ("parents", "below"), ("children", "may contain")):
        if found[key] and found[key] != ["*"]:
            yield f"  {text}: {', '.join(found[key])}"
    if found["properties"]:
        yield heading("properties")
    for entry in found["properties"]:
        yield f"  {entry['property']}: {_rule(entry)}"
        if entry["doc"]:
            yield f"      {shown(entry['doc'])}"
    if found["handlers"]:
        yield heading("handlers")
    for entry in found["handlers"]:
        yield f"  {entry['takes']} {_signature(entry)}".rstrip()
        if entry["doc"]:
            yield f"      {shown(entry['doc'])}"
        if entry["privilege"]:
            yield f"      needs the privilege {entry['privilege']}"


def _rule(entry: Mapping[str, Any]) -> str:
    parts = [shown(entry["rule"])]
    parts += ["required"] if entry["required"] else []
    parts += [] if entry["mutable"] else ["cannot be changed"]
    parts += (
        [f"default {shown(json.dumps(entry['default'], ensure_ascii=False))}"] if entry["default"] is not None else []
    )
    return ", ".join(parts)


def _signature(entry: Mapping[str, Any]) -> str:
    arguments = entry["arguments"]["properties"]
    said = ", ".join(_argument(name, schema, entry) for name, schema in arguments.items())
    result = type_text(entry["result"], entry["result"])
    return f"({said}) -> {result}"


def _argument(name: str, schema: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    said = f"{name}: {type_text(schema, schema)}"
    if "default" in schema:
        return f"{said} = {json.dumps(schema['default'], ensure_ascii=False)}"
    return said if name in entry["arguments"]["required"] else f"{said} = ..."


def type_text(schema: Mapping[str, Any], top: Mapping[str, Any]) -> str:
    """Returns a JSON Schema in one word or a few, as people write types."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        target = top.get("$defs", {}).get(name, {})
        if "enum" in target:
            return type_text(target, top)
        fields = target.get("properties", {})
        return f"{name} {{{', '.join(fields)}}}" if fields else name
    if "anyOf" in schema:
        return " or ".join(type_text(one, top) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        return f"list of {type_text(schema['items'], top)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"map of {type_text(schema['additionalProperties'], top)}"
    return {"null": "nothing", "object": "map", "array": "list"}.get(str(kind), str(kind))
