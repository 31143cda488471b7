"""`hyperverse config schema`: what an editor is told about the config file."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from cli.conftest import Run
from docs.pages import REPOSITORY, blocks_of
from hyperverse_core.config import Config, dump


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from cli.conftest import program

    done = program(tmp_path_factory.mktemp("schema"))("config", "schema")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_has_every_key_with_its_default(schema: dict[str, Any]) -> None:
    values = dump(Config())
    assert schema["properties"].keys() == values.keys() | {"portal"}
    assert schema["additionalProperties"] is False
    for table in ("log", "limits", "control", "plugins"):
        properties = schema["properties"][table]["properties"]
        assert properties.keys() == values[table].keys()
        for key, entry in properties.items():
            assert "default" not in entry or entry["default"] == values[table][key]
            assert entry["description"]


def test_it_has_the_settings_of_the_chosen_plugins(schema: dict[str, Any]) -> None:
    tables = schema["properties"]
    assert tables["registry"]["properties"]["synchronous"]["default"] == "NORMAL"
    assert tables["lanes"]["properties"]["heartbeat_interval"]["anyOf"][0] == {"type": "number"}
    assert tables["portal"]["properties"].keys() >= {"enabled", "address", "hosts"}
    assert "zmq" in tables["lanes"]["properties"]["driver"]["enum"]
    assert "hash" in tables["kinds"]["additionalProperties"]["properties"]["placement"]["enum"]


def test_the_examples_of_the_reference_fit(schema: dict[str, Any]) -> None:
    blocks = [block for block in blocks_of(REPOSITORY / "docs" / "reference" / "config.md") if block.language == "toml"]
    assert blocks
    for block in blocks:
        assert list(wrong(tomllib.loads(block.content), schema)) == []


@pytest.mark.parametrize("text", ["leese = 3", "lease = 'x'", "[log]\nlevel = 'loud'", "[lanes]\ndriver = 'zqm'"])
def test_what_the_program_refuses_does_not_fit(schema: dict[str, Any], text: str, run: Run) -> None:
    assert list(wrong(tomllib.loads(text), schema)) != []


def wrong(value: Any, schema: dict[str, Any], path: str = "") -> Any:
    """As much of a validator of JSON Schema as these tests need."""
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}
    if "anyOf" in schema:
        if all(list(wrong(value, one, path)) for one in schema["anyOf"]):
            yield path
        return
    if "enum" in schema and value not in schema["enum"]:
        yield path
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        yield path
        return
    if isinstance(value, dict):
        for key, item in value.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties", True))
            if below is False:
                yield f"{path}.{key}"
            elif isinstance(below, dict):
                yield from wrong(item, below, f"{path}.{key}")
    if isinstance(value, list):
        for item in value:
            yield from wrong(item, schema.get("items", {}), path)
