"""10,000 particles under one parent: each page answers within its limits."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlencode

import attrs
import pytest

from hyperverse_core import Config, Machine
from hyperverse_core.config import Control
from patience import budget
from portal.dashboard_world import Counters, page
from portal.web import Browser

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

_MANY = 10_000
_BATCH = 500
_ROWS = 200
_SECONDS = 5.0
"""What a page may take at most; it takes less than one on a quiet computer."""
_BYTES = 150_000
PAGES = (
    "",
    "particles",
    "particles?under=localhost",
    "particles?under=localhost&after=localhost:c05000",
    "particles?" + urlencode({"q": "Counter"}),
    "particles?" + urlencode({"q": "localhost:**"}),
    "particles?q=c0999",
    "particles?q=nowhere",
    "particle?point=localhost",
    "particle?point=localhost:c05000",
    "waves",
    "waves?failed=1",
    "log?level=debug",
    "balance",
    "machines",
    "kinds",
    "access?point=localhost:c05000",
)


@attrs.frozen
class _Answer:
    """One page: how long it took, its rows and its bytes on the wire."""

    seconds: float
    rows: int
    size: int


async def test_each_page_keeps_its_limits(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path, control=Control(enabled=False), gateways={"portal": {"address": "127.0.0.1:0"}})
    async with Machine(config, plugins=(Counters(),)) as machine:
        client = machine.client()
        await client.exec("create localhost<Space>")
        for first in range(0, _MANY, _BATCH):
            points = (f"localhost:c{number:05}" for number in range(first, first + _BATCH))
            await client.exec("; ".join(f"create {point}<Counter>" for point in points))
        (link,) = machine.parts.gateways.invitations().values()
        owner = Browser(machine.status()["gateways"]["portal"])
        await owner.ask("POST", "/-/login", urlencode({"once": link.partition("once=")[2]}).encode())
        await page(owner, "waves")  # from now on waves are noted down
        for number in range(0, _MANY, 10):
            await client.ping(f"localhost:c{number:05}", "Ext<Add>" if number % 30 else "Ext<Break>")
        found = {path: await _look(owner, path) for path in PAGES}
        shown = await page(owner, "particles?under=localhost&after=localhost:c09950")
        assert "localhost:c09999" in shown and "Next 200" not in shown
    assert all(0 < each.size <= _BYTES for each in found.values()), found
    assert {path: each for path, each in found.items() if each.rows > _ROWS} == {}
    assert {path: each for path, each in found.items() if each.seconds > budget(_SECONDS)} == {}
    full = "particles?under=localhost"
    assert found[full].rows == _ROWS, "the test would not see a page that is too long"


async def _look(owner: Browser, path: str) -> _Answer:
    text = await page(owner, path)
    begun = time.monotonic()
    packed = await owner.ask("GET", f"/-/{path}", accept_encoding="gzip")
    rows = text.count("<tr>") - text.count("<thead><tr>")
    return _Answer(time.monotonic() - begun, rows, len(packed.body))
