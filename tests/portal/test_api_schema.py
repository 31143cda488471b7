"""What the API says of itself is true: whatever fits its description is answered as described, and never by a 5xx."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from portal.bookshop import bookshop
from portal.web import ask

LEFT_OUT = ("Ext<Busy>", "Ext<Sleep>", "Ext<Shout>")
"""Handlers of the test that answer 503, never, or with a flood."""


def sweep(document: dict[str, Any], address: str, token: str) -> list[str]:
    """Asks what the document describes, and returns the operations."""
    for path in [path for path in document["paths"] if path.endswith(LEFT_OUT)]:
        del document["paths"][path]
    document["components"]["parameters"]["point"]["schema"]["enum"] = ["localhost:books", "localhost:no", "no<point"]
    schemathesis = pytest.importorskip("schemathesis", reason="pip install 'schemathesis>=4.32'")
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=address.removesuffix("/-/"))
    return [one_operation(found.ok(), token) for found in schema.get_all_operations()]


def one_operation(operation: Any, token: str) -> str:
    """Asks one operation with all that fits it, and says which it was."""
    # Here, because each start of pytest looks into this file, and importing it takes a second.
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    fits = [not_a_server_error, checks.status_code_conformance]
    fits += [checks.content_type_conformance, checks.response_schema_conformance]
    name = f"{operation.method.upper()} {operation.path}"
    without: list[int] = []

    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,  # one run of CI tries what another has tried
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def try_one(case: Any) -> None:
        case.call_and_validate(checks=fits, headers={"authorization": f"Bearer {token}"}, timeout=60)
        if not without:
            case.headers.clear()  # schemathesis makes tokens up
            without.append(case.call(timeout=60).status_code)

    try_one()
    assert without == [401], f"{name} is answered {without} without a token"
    return name


@pytest.mark.thorough
async def test_whatever_fits_the_description_is_answered_as_described(tmp_path: Path) -> None:
    async with bookshop(tmp_path, body_seconds=60.0, head_seconds=60.0) as world:
        got = await ask(world.address, "GET", "/-/openapi.json?kind=Shelf", token=world.token)
        asked = await asyncio.to_thread(sweep, got.json, world.address, world.token)
        assert "POST /-/api/ping/{point}/Ext<Put>" in asked and "GET /-/api/kinds" in asked
