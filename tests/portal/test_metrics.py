"""``/-/metrics`` tells what the machines count, to whoever may see it, as Prometheus reads it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeAlias

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY, Counter
from prometheus_client.parser import text_string_to_metric_families

from hyperverse_portal.prometheus import Family, text_of
from portal.bookshop import World, bookshop
from portal.web import ask

Samples: TypeAlias = dict[tuple[str, tuple[tuple[str, str], ...]], float]
PUT = "/-/api/ping/localhost:books/Ext<Put>"
SHELF = {"machine": "local", "kind": "Shelf", "method": "Ext<Put>"}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with bookshop(tmp_path) as made:
        yield made


def parsed(text: bytes) -> Samples:
    """Each sample by its name and labels; none is there twice."""
    found: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


async def scraped(world: World, token: str = "") -> Samples:
    got = await ask(world.address, "GET", "/-/metrics", token=token or world.token)
    assert got.status == 200 and got.headers["content-type"].startswith("text/plain; version=0.0.4")
    return parsed(got.body)


@pytest.fixture(params=["with prometheus-client", "without it"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By whom the text is written."""
    if request.param == "without it":
        monkeypatch.setitem(sys.modules, "prometheus_client", None)
    return str(request.param)


async def test_what_the_machine_counts(world: World, written: str) -> None:
    await scraped(world)  # from now on it counts
    for title in ("Emma", "Persuasion"):
        await ask(world.address, "POST", PUT, token=world.token, body={"title": title})
    await ask(world.address, "POST", "/-/api/ping/localhost:books/Ext<Busy>", token=world.token)
    samples = await scraped(world)
    assert value(samples, "hyperverse_machine_up", machine="local") == 1
    assert value(samples, "hyperverse_wave_seconds_count", **SHELF, outcome="ok") == 2
    buckets = [value(samples, "hyperverse_wave_seconds_bucket", **SHELF, outcome="ok", le=le) for le in LE]
    assert buckets == sorted(buckets) and buckets[-1] == 2
    assert value(samples, "hyperverse_wave_seconds_sum", **SHELF, outcome="ok") > 0
    failures = {key: each for key, each in samples.items() if key[0] == "hyperverse_wave_failures_total" and each}
    assert sum(failures.values()) == 1
    for name in ("memory_bytes", "cpu_seconds_total", "loop_cpu_seconds_total"):
        assert value(samples, f"hyperverse_{name}", machine="local") > 0
    assert value(samples, "hyperverse_waves_waiting", machine="local") == 0
    assert value(samples, "hyperverse_loop_late_seconds", machine="local") >= 0
    pairs = {key: each for key, each in samples.items() if key[0] == "hyperverse_pair_waves_total"}
    assert sum(pairs.values()) == 3
    particles = {key: each for key, each in samples.items() if key[0] == "hyperverse_particles"}
    assert sum(particles.values()) == 1, "the platform's own are left out"
    assert value(samples, "hyperverse_portal_requests_total", status="200") >= 3


LE = ("0.001", "0.01", "0.1", "1.0", "+Inf")


async def test_what_is_refused_and_what_reaches_no_handler_is_counted(world: World, written: str) -> None:
    await scraped(world)
    for _ in range(3):
        await ask(world.address, "POST", PUT, token=world.stranger, body={"title": "Emma"})
    for path in ("/-/api/ping/localhost:books/Ext<Nothing>", "/-/api/ping/localhost:nobody/Ext<Put>"):
        await ask(world.address, "POST", path, token=world.token)
    await ask(world.address, "POST", PUT, token=world.token, body={"title": 7})
    samples = await scraped(world)
    assert value(samples, "hyperverse_refusals_total", machine="local") == 3
    assert value(samples, "hyperverse_unhandled_waves_total", machine="local", status="404") == 2
    assert value(samples, "hyperverse_unhandled_waves_total", machine="local", status="400") == 1
    assert not [key for key in samples if key[0] == "hyperverse_wave_seconds_count"]


async def test_what_a_driver_counts_with_the_same_library_comes_along(world: World) -> None:
    sold = Counter("books_sold", "Books that were sold.", ["title"])
    try:
        sold.labels("Emma").inc(3)
        assert value(await scraped(world), "books_sold_total", title="Emma") == 3
        assert ("books_sold_total", (("title", "Emma"),)) not in await scraped(world, world.stranger)
    finally:
        REGISTRY.unregister(sold)


async def test_who_may_not_see_the_figures_is_told_those_of_the_portal(world: World) -> None:
    got = await ask(world.address, "GET", "/-/metrics", token=world.stranger)
    assert {name for name, _ in parsed(got.body)} <= {"hyperverse_portal_requests_total"}
    assert b"# the figures of the machines: 40" in got.body


def test_a_label_may_have_any_text(written: str) -> None:
    odd = 'a"b\\c\nd é\t{}'
    family = Family("odd_total", "counter", "Odd things.")
    family.add(2.5, kind=odd)
    assert parsed(text_of([family], whole=False)) == {("odd_total", (("kind", odd),)): 2.5}
