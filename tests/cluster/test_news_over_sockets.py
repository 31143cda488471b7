"""Machines that share a registry which has to be looked at tell each other of what they commit."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from cluster import cluster_kinds
from hyperverse_core import Machine
from hyperverse_core.config import Config, Control
from hyperverse_core.universe.address.point import HYPERUSER
from patience import LEASE, until

_NEVER = 1_000_000.0


async def _up(stack: AsyncExitStack, data_dir: Path, *names: str) -> list[Machine]:
    """Machines of one Hyperverse, with a lane from each to each."""
    machines = []
    for name in names:
        config = Config(name=name, data_dir=data_dir, lease=LEASE, control=Control(enabled=False))
        machines.append(await stack.enter_async_context(Machine(config, plugins=(cluster_kinds,))))
    await until(lambda: all(len(m.parts.board.outgoing) == len(names) - 1 for m in machines), "every lane")
    return machines


async def test_a_commit_is_known_elsewhere_without_a_look_at_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The feed asks by itself after five seconds.
    monkeypatch.setattr("hyperverse_core.fabric.services.changes.change_feed.WAIT", _NEVER)
    async with AsyncExitStack() as stack:
        one, other, third = await _up(stack, tmp_path, "one", "other", "third")  # they find each other in the file
        for pause in ("_OFTEN", "_SELDOM", "_GROWTH"):
            monkeypatch.setattr(f"hyperverse_sql.feed.{pause}", _NEVER)
        client = one.client(HYPERUSER)
        await client.exec("create localhost<Space>")
        # Each looks at the file once more; from then on nobody does.
        await until(lambda: len({m.parts.feed.revision for m in (one, other, third)}) == 1, "one place in the feed")
        await client.exec("create localhost:t<Tally>")
        for machine in (other, third, one):
            assert (await machine.client(HYPERUSER).ping("localhost:t", "Ext<Value>")).body == 0
        await client.exec("delete localhost:t")
        machines = (one, other, third)
        await until(lambda: not any("localhost:t" in m.parts.places.known for m in machines), "the news of its end")
        for machine in machines:
            assert (await machine.client(HYPERUSER).ping("localhost:t", "Ext<Value>")).status == 404


async def test_what_nobody_has_told_is_found_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncExitStack() as stack:
        one, other = await _up(stack, tmp_path, "one", "other")
        monkeypatch.setattr(one.parts.feed, "announce", lambda revision: None)
        monkeypatch.setattr(other.parts.feed, "announce", lambda revision: None)
        client = one.client(HYPERUSER)
        await client.exec("create localhost<Space>; create localhost:t<Tally>;")
        assert (await other.client(HYPERUSER).ping("localhost:t", "Ext<Value>")).body == 0
        await client.exec("delete localhost:t")
        await until(lambda: "localhost:t" not in other.parts.places.known, "a look at the file")
        assert (await other.client(HYPERUSER).ping("localhost:t", "Ext<Value>")).status == 404
