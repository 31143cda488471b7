"""The OpenAPI 3.1 description of the API, made from a machine's descriptions of its Kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["description"]

_POINT_REF = {"$ref": "#/components/parameters/point"}
_POINT = {"name": "point", "in": "path", "required": True, "schema": {"type": "string"}, "example": "localhost:hits"}
_ERROR = {
    "description": "refused or failed",
    "content": {
        "application/json": {
            "schema": {"anyOf": [{"$ref": "#/components/schemas/Reply"}, {"$ref": "#/components/schemas/Error"}]}
        }
    },
}
_REFUSED = {
    "type": "object",
    "description": "why the request did not become a wave",
    "properties": {
        "error": {"type": "string"},
        "hint": {"type": "string"},
        "caret": {"type": "string", "description": "a text that cannot be parsed, with a caret below the fault"},
        "retry_after": {"type": "number", "description": "seconds"},
    },
    "required": ["error"],
}
_REPLY = {
    "type": "object",
    "properties": {
        "status": {"type": "integer", "description": "a status as in HTTP"},
        "outcome": {"type": "string", "description": "the outcome of the wave; see the page on delivery"},
        "body": {"description": "what the handler returned, or {error, hint}"},
        "wave": {"type": "string", "description": "id of the wave"},
        "star": {"type": "string", "description": "star of the particle"},
    },
    "required": ["status", "outcome", "body", "wave", "star"],
}


def description(kinds: Sequence[Mapping[str, Any]], prefix: str = "") -> dict[str, Any]:
    """Returns the description of the API.

    Args:
        kinds: for each Kind, the answer of ``GLOBAL::machine Ext<Kind>``.
        prefix: path of the portal on its host; usually empty.
    """
    paths: dict[str, Any] = _own_paths()
    schemas: dict[str, Any] = {"Reply": _REPLY, "Error": _REFUSED}
    for kind in kinds:
        for handler in kind["handlers"]:
            method = handler["takes"].partition("/")[0]
            if "*" in method or not method.startswith(("Ext<", "Cmd<")):
                continue
            path = f"/-/api/ping/{{point}}/{method}"
            operation = paths.setdefault(path, {"post": _operation(method)})["post"]
            _add_kind(operation, kind["kind"], handler, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hyperverse", "version": "1", "description": "Particles and their handlers."},
        "servers": [{"url": prefix or "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": {"point": _POINT},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _own_paths() -> dict[str, Any]:
    """The paths of the API, apart from the handlers of Kinds."""
    body = {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}
    reply = {"$ref": "#/components/schemas/Reply"}
    kind = {"name": "kind", "in": "path", "required": True, "schema": {"type": "string"}, "example": "Space"}
    queried = {
        "selector": _in_query("selector", "a pattern of points; every particle by default", "localhost:**"),
        "after": _in_query("after", "the last point of the page before", "localhost:hits"),
        "point": {**_in_query("point", "the particle", "localhost:hits"), "required": True},
        "agent": _in_query("agent", "the agent of the act; by default that of the request", "hyperspace:users:ann"),
        "method": _in_query("method", "what would be done", "Ext<Add>"),
    }
    page = {"type": "object", "required": ["items", "after"], "properties": {"items": {"type": "array"}}}
    one_kind, particle = {"type": "object", "required": ["kind"]}, {"type": "object", "required": ["point"]}
    return {
        "/-/api/exec": {"post": {**_asked("executes commands", reply), "requestBody": body}},
        "/-/api/kinds": {"get": _asked("lists the Kinds", {"type": "array", "items": one_kind})},
        "/-/api/kinds/{kind}": {"get": {**_asked("describes a Kind", one_kind), "parameters": [kind]}},
        "/-/api/describe/{point}": {"get": {**_asked("describes a particle", particle), "parameters": [_POINT_REF]}},
        "/-/api/select": {
            "get": {
                **_asked("lists particles in pages", page),
                "parameters": [queried["selector"], queried["after"]],
            }
        },
        "/-/api/explain": {
            "get": {
                **_asked(
                    "explains why an agent may or may not do something", {"type": "object", "required": ["allowed"]}
                ),
                "parameters": [queried["agent"], queried["point"], queried["method"]],
            }
        },
        "/-/api/figures": {"get": _asked("returns the figures of every machine", {"type": "object"})},
        "/-/api/plan": {"get": _asked("plans moves to balance the load", {"type": "object", "required": ["moves"]})},
    }


def _in_query(name: str, what: str, example: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": what, "schema": {"type": "string"}, "example": example}


def _asked(summary: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    said = {"description": "answered", "content": {"application/json": {"schema": schema}}}
    return {"summary": summary, "responses": {"200": said, "default": _ERROR}}


def _operation(method: str) -> dict[str, Any]:
    return {
        "operationId": method,
        "summary": "",
        "tags": [],
        "parameters": [_POINT_REF],
        "requestBody": {"content": {"application/json": {"schema": {"anyOf": []}}}},
        "responses": {
            "200": {
                "description": "handled",
                "content": {
                    "application/json": {
                        "schema": {
                            "allOf": [{"$ref": "#/components/schemas/Reply"}],
                            "properties": {"body": {"anyOf": []}},
                        }
                    }
                },
            },
            "default": _ERROR,
        },
    }


def _add_kind(operation: dict[str, Any], kind: str, handler: Mapping[str, Any], schemas: dict[str, Any]) -> None:
    """Adds the handler of a Kind. Several Kinds may have a handler of the same name; the body then fits one of them."""
    operation["tags"].append(kind)
    said = f"{kind}: {handler['doc']}" if handler["doc"] else kind
    operation["summary"] = f"{operation['summary']}; {said}".lstrip("; ")
    result = operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["body"]["anyOf"]
    operation["requestBody"]["content"]["application/json"]["schema"]["anyOf"].append(
        {"title": kind, **_moved(handler["arguments"], kind, schemas)}
    )
    result.append({"title": kind, **_moved(handler["result"], kind, schemas)})


def _moved(schema: Mapping[str, Any], kind: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """Moves the definitions of a schema into the whole document, under names that contain the Kind."""

    def walk(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {
                name: f"#/components/schemas/{kind}.{each.rpartition('/')[2]}" if name == "$ref" else walk(each)
                for name, each in value.items()
                if name != "$defs"
            }
        return [walk(each) for each in value] if isinstance(value, list | tuple) else value

    def definitions(value: Any) -> None:
        if isinstance(value, Mapping):
            for name, each in value.get("$defs", {}).items():
                schemas[f"{kind}.{name}"] = walk(each)
            for each in value.values():
                definitions(each)

    definitions(schema)
    moved: dict[str, Any] = walk(schema)
    return moved
