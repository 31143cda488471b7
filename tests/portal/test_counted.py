"""What `Ext<Figures>` counts: every end of a wave once, whatever becomes of the particle meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest_asyncio

from hyperverse_core import Config, Machine
from hyperverse_core.config import Control
from tills import Tills, figures

TIMES = 8
GOOD = (200, 201, 204, 302, 303)
BAD = (400, 401, 403, 404, 408, 409, 429, 500, 501, 503, 504, 599)


@pytest_asyncio.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    config = Config(data_dir=tmp_path, control=Control(enabled=False), gateways={"portal": {"address": "127.0.0.1:0"}})
    async with Machine(config, plugins=(Tills(),)) as made:
        await made.client().exec("create localhost<Space>; create localhost:t<Till>; create hyperspace:users:eve<User>")
        yield made


def counts(told: Mapping[str, Any]) -> dict[tuple[str, str], tuple[int, int]]:
    """Count and failures by method and outcome. Every histogram has as many entries as there were waves."""
    for row in told["methods"]:
        assert sum(row["histogram"]) == row["count"] and min(row["histogram"]) >= 0
        assert row["seconds"] <= row["slowest"] * row["count"] + 1e-9
    return {(row["method"], row["outcome"]): (row["count"], row["failed"]) for row in told["methods"]}


def falls(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where a count is less than it was."""
    if isinstance(before, Mapping):
        for key in before:
            if key not in after:
                yield f"{path}.{key} is gone"
            else:
                yield from falls(before[key], after[key], f"{path}.{key}")
    elif after < before:
        yield f"{path}: {before}, then {after}"


def counters(told: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that only grows."""
    return {
        **{key: told[key] for key in ("waves", "failed", "refused", "unhandled", "cpu")},
        "pairs": {f"{a} {b}": count for a, b, count in told["pairs"]},
        "methods": {
            f"{row['kind']} {row['method']} {row['outcome']}": {key: row[key] for key in ("count", "failed", "seconds")}
            for row in told["methods"]
        },
    }


async def test_every_end_is_counted_once_by_what_has_become_of_it(machine: Machine) -> None:
    client = machine.client()
    issued = await client.ask("GLOBAL::users", "Ext<IssueToken>", {"agent": "hyperspace:users:eve"})
    before = counters((await figures(machine))[machine.name])
    async with await machine.authenticate(issued["token"]) as eve:
        for _ in range(TIMES):
            for status in (*GOOD, *BAD):
                assert (await client.ping("localhost:t", "Ext<Give>", {"status": status})).status == status
            await client.signal("localhost:t", "Ext<Give>", {"status": 200})
            await client.ping("localhost:t", "Ext<Break>")
            await client.ping("localhost:t", "Ext<Nothing>")
            await client.ping("localhost:nobody", "Ext<Give>", {"status": 200})
            await client.ping("localhost:t", "Ext<Give>", {"status": "many"})
            await client.ping("localhost:t", "Ext<Hang>", wait=0.1)
            await eve.ping("localhost:t", "Ext<Give>", {"status": 200})
            told = (await figures(machine))[machine.name]
            after = counters(told)
            assert list(falls(before, after)) == []
            before = after
    assert counts(told) == {
        ("Ext<Give>", "ok"): ((len(GOOD) + 1) * TIMES, 0),
        ("Ext<Give>", "failed"): (len(BAD) * TIMES, len(BAD) * TIMES),
        ("Ext<Break>", "failed"): (TIMES, TIMES),
        ("Ext<Hang>", "unknown"): (TIMES, TIMES),
    }
    assert (told["refused"], told["unhandled"]) == (TIMES, {"400": TIMES, "404": 2 * TIMES})
    assert sum(count for _, _, count in told["pairs"]) == told["waves"] == (len(GOOD) + len(BAD) + 3) * TIMES
    faults = {row["what"].partition(" ")[0] for row in told["faults"]}
    assert not faults & {str(status) for status in GOOD}, "a redirect is no fault"


async def test_somebody_who_asks_for_everything_hides_no_fault_and_no_refusal(machine: Machine) -> None:
    client = machine.client()
    issued = await client.ask("GLOBAL::users", "Ext<IssueToken>", {"agent": "hyperspace:users:eve"})
    await figures(machine)
    async with await machine.authenticate(issued["token"]) as eve:
        for number in range(700):
            await eve.ping("localhost:t", f"Ext<Try{number}>")
            await client.ping("localhost:t", f"Ext<Try{number}>")
    for _ in range(3):
        await client.ping("localhost:t", "Ext<Break>")
    told = (await figures(machine))[machine.name]
    assert told["refused"] == 700 and told["unhandled"] == {"404": 700}
    assert any("it is jammed" in row["what"] and row["count"] == 3 for row in told["faults"])
    assert len(told["faults"]) <= 50 and len(told["denied"]) <= 50 and len(told["methods"]) < 10
