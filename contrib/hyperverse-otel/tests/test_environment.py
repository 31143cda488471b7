"""The variables of OpenTelemetry, and what arrives at a collector."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hyperverse_otel import Telemetry
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from hyperverse_core import hookimpl
from hyperverse_core.errors import ConfigError


class Collector(ThreadingHTTPServer):
    """Takes what is posted."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Takes)


class _Takes(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        yield server
        server.shutdown()
        thread.join()


def _switch_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for what in ("TRACES", "METRICS"):
        monkeypatch.delenv(f"OTEL_{what}_EXPORTER")


class Told:
    """A plugin with the observers of one Telemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    @hookimpl
    def hyperverse_register_observers(self, register: Any) -> None:
        for observer in self._telemetry.observers:
            register(observer)


async def test_spans_and_metrics_arrive_by_otlp(
    collector: Collector, start_machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_on")
    _switch_on(monkeypatch)
    telemetry = Telemetry.from_environment()
    machine = await start_machine(plugins=[Told(telemetry)])
    await machine.client().exec("create localhost<Space>")
    assert await asyncio.to_thread(telemetry.close, 10.0)
    assert {path for path, _ in collector.got} == {"/v1/traces", "/v1/metrics"}
    body = next(body for path, body in collector.got if path == "/v1/traces")
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    assert ("service.name", "hyperverse") in [(a.key, a.value.string_value) for a in resource.resource.attributes]
    spans = {span.kind: span for span in resource.scope_spans[0].spans if span.name == "Cmd<RawCommand>"}
    asked, handled = spans[Span.SPAN_KIND_CLIENT], spans[Span.SPAN_KIND_SERVER]
    assert (handled.trace_id, handled.parent_span_id) == (asked.trace_id, asked.span_id)


def test_a_collector_that_is_away_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    _switch_on(monkeypatch)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # connections are refused, and nobody else gets the port
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        telemetry = Telemetry.from_environment()
        assert not telemetry.flush(0.2)
        assert not telemetry.close(0.2)


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, []),
        ({"OTEL_TRACES_EXPORTER": "none"}, ["Counts"]),
        ({"OTEL_METRICS_EXPORTER": "none"}, ["Spans"]),
        ({"OTEL_METRICS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "none"}, []),
    ],
)
def test_each_can_be_switched_off(variables: dict[str, str], names: list[str]) -> None:
    telemetry = Telemetry.from_environment(variables)
    assert [type(observer).__name__ for observer in telemetry.observers] == names
    telemetry.close(10.0)


@pytest.mark.parametrize("text", ["2", "-0.1", "1%", "nan", "much"])
def test_a_share_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="OTEL_TRACES_SAMPLER_ARG") as caught:
        Telemetry.from_environment({"OTEL_TRACES_SAMPLER_ARG": text})
    assert "from 0 to 1" in str(caught.value.hint)


def test_a_sampler_that_is_not_here_is_named() -> None:
    with pytest.raises(ConfigError, match="'traceidratio'"):
        Telemetry.from_environment({"OTEL_TRACES_SAMPLER": "traceidratio"})
