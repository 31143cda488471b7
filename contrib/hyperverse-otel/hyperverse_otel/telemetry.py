"""The providers of the SDK, set up by its usual environment variables."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from hyperverse_core import Observer
from hyperverse_core.errors import ConfigError

from .counts import Counts
from .spans import Spans

__all__ = ["SHARE", "Telemetry"]

SHARE = 0.01
"""Share of the traces that begin here to sample, if ``OTEL_TRACES_SAMPLER_ARG`` is not set."""


class Telemetry:
    """Spans and metrics of one process.

    Args:
        span_processors: receive the spans; if there are none, no spans are made.
        metric_readers: receive the metrics; if there are none, no metrics are collected.
        share: share of the traces that begin here to sample, from 0 to 1.

    Attributes:
        observers: the observers of the waves.
    """

    def __init__(
        self,
        span_processors: Sequence[SpanProcessor] = (),
        metric_readers: Sequence[MetricReader] = (),
        *,
        share: float = SHARE,
    ) -> None:
        resource = _resource()
        self.observers: list[Observer] = []
        self._processors = tuple(span_processors)
        self._metrics: MeterProvider | None = None
        if span_processors:
            self.observers.append(Spans(self._processors, resource, share))
        if metric_readers:
            self._metrics = MeterProvider(metric_readers, resource, shutdown_on_exit=False)
            self.observers.append(Counts(self._metrics.get_meter("hyperverse")))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Telemetry:
        """Returns the telemetry that the variables of OpenTelemetry describe.

        Raises ConfigError for an invalid share, or a sampler that this plugin does not have."""
        if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        share = _share(environ)
        spans = environ.get("OTEL_TRACES_EXPORTER", "otlp") != "none"
        metrics = environ.get("OTEL_METRICS_EXPORTER", "otlp") != "none"
        return cls(
            [BatchSpanProcessor(OTLPSpanExporter())] if spans else (),
            [PeriodicExportingMetricReader(OTLPMetricExporter())] if metrics else (),
            share=share,
        )

    def flush(self, seconds: float) -> bool:
        """Sends the rest, and blocks for at most ``seconds`` seconds. Returns whether everything was sent."""
        return _all_of([partial(part.force_flush, int(seconds * 1000)) for part in self._parts()], seconds)

    def close(self, seconds: float) -> bool:
        """Sends the rest, ends the threads of the SDK, and blocks for at most ``seconds`` seconds. Returns whether
        everything was sent."""
        return _all_of([part.shutdown for part in self._parts()], seconds)

    def _parts(self) -> list[SpanProcessor | MeterProvider]:
        return [*self._processors, *([self._metrics] if self._metrics is not None else ())]


def _all_of(work: Sequence[Callable[[], object]], seconds: float) -> bool:
    """Runs all parts of the work concurrently, each in its own thread.

    The SDK retries an unreachable collector for many seconds. Neither a machine that stops nor the end of the process
    waits for that.
    """
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=each, name="hyperverse-otel", daemon=True) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def _resource() -> Resource:
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "hyperverse"}))
    return resource


def _share(environ: Mapping[str, str]) -> float:
    sampler = environ.get("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    fixed = {"parentbased_always_on": 1.0, "parentbased_always_off": 0.0}
    if sampler in fixed:
        return fixed[sampler]
    if sampler != "parentbased_traceidratio":
        known = ", ".join(("parentbased_traceidratio", *fixed))
        raise ConfigError(
            f"OTEL_TRACES_SAMPLER is {sampler!r}, which hyperverse-otel does not support", hint=f"use {known}"
        )
    text = environ.get("OTEL_TRACES_SAMPLER_ARG", "") or str(SHARE)
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"OTEL_TRACES_SAMPLER_ARG is {text!r}", hint="write a share from 0 to 1, such as 0.01")
    return share
