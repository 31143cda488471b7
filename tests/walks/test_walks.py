"""How many calls a wave takes, and that docs/explanation/map.md lists the files of a Ping in the right order."""

from __future__ import annotations

import re
from pathlib import Path

from hyperverse_core import Client, Method, Point
from walks.machines import POINT, machine, traced

_MAP = Path(__file__).parents[2] / "docs" / "explanation" / "map.md"
_LOCAL, _REMOTE, _CREATE = 17, 110, 150
"""The most calls of a warm Ping on one machine, of one over ZeroMQ (both ends), and of a create."""
_HOP = re.compile(r"^\d+\. `([^`]+)`: ", re.MULTILINE)


async def test_a_warm_ping_takes_few_calls_in_the_files_that_the_map_lists() -> None:
    point, method = Point.parse(POINT), Method.parse("Ext<Get>")
    async with traced() as (tracer, first, _):
        client = first.client()
        walk = await tracer.shortest(lambda _: client.ping(point, method))
    assert len(walk) <= _LOCAL, str(walk)
    section = _MAP.read_text(encoding="utf-8").partition("\n## The walk of a wave\n")[2].partition("\n## ")[0]
    local = section.partition("\n### A warm Ping on one machine\n")[2].partition("\n### ")[0]
    assert _HOP.findall(local) == walk.files(), str(walk)


async def test_a_clients_ping_takes_few_calls_at_both_ends() -> None:
    async with traced() as (tracer, _, folder), Client.connect(machine="here", data_dir=folder) as client:
        walk = await tracer.shortest(lambda _: client.ping(POINT, "Ext<Get>"))
    assert len(walk) <= _REMOTE, str(walk)
    assert walk.files()[0] == "client/sender.py"
    assert "gateway/session.py" in walk.files()


async def test_a_ping_to_another_machine_takes_few_calls_at_both_ends() -> None:
    async with traced() as (tracer, _, folder), machine("there", folder) as second:
        client = second.client()
        for _ in range(3):
            await client.ask(POINT, "Ext<Get>", retries=3)
        walk = await tracer.shortest(lambda _: client.ping(POINT, "Ext<Get>"))
        assert (await client.ping(POINT, "Ext<Get>")).receipt.remote
    assert len(walk) <= _REMOTE, str(walk)
    assert "fabric/transit/switchboard.py" in walk.files()


async def test_a_create_takes_few_calls() -> None:
    async with traced() as (tracer, first, _):
        client = first.client()
        walk = await tracer.shortest(lambda number: client.exec(f"create localhost:w{number}<Walked>"), pause=0.1)
        result = (await client.exec("select localhost:*"))[0]
    assert len(result.body["items"]) == 13
    assert len(walk) <= _CREATE, str(walk)
    assert any(file.startswith("hyperverse_sql/") for file in walk.files())  # in a thread of its own
