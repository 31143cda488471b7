"""Metrics, read by the reader of the SDK that keeps them in memory."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hyperverse_otel import Telemetry
from hyperverse_otel.counts import Counts
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from hyperverse_core import WaveEnd, hookimpl
from hyperverse_core.testing import ObserverConformance


class Counted:
    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    @hookimpl
    def hyperverse_register_observers(self, register: Any) -> None:
        for observer in self._telemetry.observers:
            register(observer)


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def machine_plugins(reader: InMemoryMetricReader) -> Iterator[list[Any]]:
    telemetry = Telemetry(metric_readers=[reader])
    yield [Counted(telemetry)]
    telemetry.close(10.0)


def figures(reader: InMemoryMetricReader) -> dict[str, dict[tuple[Any, ...], float]]:
    """Values by instrument and attributes."""
    data = reader.get_metrics_data()
    assert data is not None
    found: dict[str, dict[tuple[Any, ...], float]] = {}
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        points = metric.data.data_points
        found[metric.name] = {tuple(sorted(p.attributes.items())): p.value for p in points}
    return found


async def test_waves_are_counted_by_method_and_outcome(client: Any, reader: InMemoryMetricReader) -> None:
    await client.exec("create localhost<Space>; create localhost:a<Base>")
    commands = (("hyperverse.outcome", "ok"), ("rpc.method", "Cmd<RawCommand>"))
    before = figures(reader)
    for _ in range(3):
        await client.exec("select localhost:*")
    assert not (await client.ping("localhost:a", "Ext<Nothing>")).ok
    after = figures(reader)
    assert after["hyperverse.waves.handled"][commands] - before["hyperverse.waves.handled"][commands] == 3
    assert after["hyperverse.waves.time"][commands] > before["hyperverse.waves.time"][commands]
    assert after["hyperverse.waves.refused"] == {(("hyperverse.status", 404),): 1}


def test_methods_that_clients_invent_are_bounded(reader: InMemoryMetricReader) -> None:
    provider = MeterProvider([reader])
    counts = Counts(provider.get_meter("hyperverse"))
    for number in range(5000):
        wave: Any = SimpleNamespace(method=SimpleNamespace(text=f"Ext<Made{number}>"))
        counts.handler_ends(wave, WaveEnd.of(None, 0.001), None)
    handled = figures(reader)["hyperverse.waves.handled"]
    provider.shutdown()
    assert len(handled) <= 1001
    assert sum(handled.values()) == 5000


class TestCounts(ObserverConformance):
    def make(self) -> Any:
        return Telemetry(metric_readers=[InMemoryMetricReader()]).observers[0]

    test_what_it_adds_to_waves_are_headers = None  # it adds nothing, and the kit would skip it
