"""Texts that an earlier release has stored, and that no registry takes any more: what has them can be replaced and
removed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hyperverse_core.errors import NotFound
from hyperverse_core.policy import token_digest
from hyperverse_core.registry import MachineKey, TokenRecord
from hyperverse_core.testing.fixtures import StartMachine
from hyperverse_core.values import HYPERUSER
from hyperverse_sql.registry import SqlRegistry

_TOKEN = TokenRecord(token_digest("hush"), HYPERUSER, "laptop", "", 1.0, None)
_KEY = MachineKey("beta", "stream", "key of beta")


@pytest.fixture
async def older(tmp_path: Path) -> SqlRegistry:
    """A registry over a database of an earlier release, not opened yet."""
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": str(path)}) as registry:
        await registry.add_token(_TOKEN)
        await registry.set_machine_keys([_KEY])
    database = sqlite3.connect(path)
    with database:
        assert database.execute("UPDATE tokens SET label = 'lap' || char(0) || 'top'").rowcount == 1
        assert database.execute("UPDATE machine_keys SET machine = 'be' || char(0) || 'ta'").rowcount == 1
    database.close()
    return SqlRegistry({"path": str(path)})


async def test_a_token_whose_label_has_nul_is_listed_rotated_and_revoked(
    start_machine: StartMachine, older: SqlRegistry
) -> None:
    client = (await start_machine(registry=older)).client()
    (found,) = await client.ask("GLOBAL::users", "Ext<Tokens>")
    assert found["label"] == "lap\0top"
    rotated = await client.ask("GLOBAL::users", "Ext<RotateToken>", {"id": _TOKEN.digest[:12]})
    (found,) = await client.ask("GLOBAL::users", "Ext<Tokens>")
    assert (found["id"], found["label"]) == (rotated["id"], "lap\ufffdtop")
    await client.ask("GLOBAL::users", "Ext<RevokeToken>", {"id": found["id"]})
    assert await client.ask("GLOBAL::users", "Ext<Tokens>") == []


async def test_a_machine_whose_name_has_nul_is_removed(start_machine: StartMachine, older: SqlRegistry) -> None:
    client = (await start_machine(registry=older)).client()
    await client.ask("GLOBAL::machine", "Ext<RemoveMachine>", "be\0ta")
    assert [(key.machine, key.admitted) for key in await older.machine_keys()] == [("be\0ta", False)]
    with pytest.raises(NotFound):
        await client.ask("GLOBAL::machine", "Ext<RemoveMachine>", "be\0ta")
