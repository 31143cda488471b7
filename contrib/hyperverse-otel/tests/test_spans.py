"""Spans of waves, read from the exporter of the SDK that keeps them in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hyperverse_otel import Telemetry
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.errors import BadRequest
from hyperverse_core.testing import ObserverConformance

TRACE, OUTSIDE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"  # pragma: allowlist secret - of the W3C


@attrs.define
class Relay(Particle):
    last: str = ""

    @handler("Ext<Pass>")
    async def hand_on(self, ctx: Ctx, to: list[str]) -> int:
        """Asks the first of ``to``, which asks the next."""
        if not to:
            return 1
        answer = await ctx.ping(to[0], "Ext<Pass>", {"to": to[1:]})
        return 1 + int(answer.unwrap())

    @handler("Ext<All>")
    async def all(self, ctx: Ctx, below: str) -> int:
        return len(await ctx.ripple(f"{below}:*", "Ext<Pass>", {"to": []}))

    @handler("Ext<Tell>")
    async def tell(self, ctx: Ctx, to: str) -> None:
        await ctx.signal(to, "Ext<Note>", "secret")

    @handler("Ext<Note>")
    async def note(self, ctx: Ctx, text: str) -> None:
        self.last = text

    @handler("Ext<Fail>")
    async def fail(self, ctx: Ctx) -> None:
        raise BadRequest("that was wrong")


class RelayDriver(Driver):
    kind = KindDef("Relay")
    particle = Relay


class Traced:
    """A plugin with the driver, and the observers of one Telemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(RelayDriver)

    @hookimpl
    def hyperverse_register_observers(self, register: Any) -> None:
        for observer in self._telemetry.observers:
            register(observer)


@pytest.fixture
def share() -> float:
    return 1.0


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def machine_plugins(exporter: InMemorySpanExporter, share: float) -> Iterator[list[Any]]:
    telemetry = Telemetry([SimpleSpanProcessor(exporter)], share=share)
    yield [Traced(telemetry)]
    telemetry.close(10.0)


def tree(spans: tuple[ReadableSpan, ...]) -> list[tuple[str, str, str, list[Any]]]:
    """The spans as (kind, method, recipient, spans below), each list in order of their texts."""
    known = {span.context.span_id for span in spans}
    assert len(known) == len(spans), "two spans have one id"

    def below(parent: int | None) -> list[Any]:
        of_it = (s for s in spans if (s.parent.span_id if s.parent and s.parent.span_id in known else None) == parent)
        return sorted(
            (s.kind.name, s.name, str(s.attributes["hyperverse.to"]), below(s.context.span_id)) for s in of_it
        )

    return below(None)


async def _relays(client: Any, *names: str) -> None:
    await client.exec("create localhost<Space>")
    for name in names:
        await client.exec(f"create localhost:{name}<Relay>")


async def _spans(client: Any, exporter: InMemorySpanExporter, wave: Any) -> tuple[ReadableSpan, ...]:
    exporter.clear()
    await wave
    return exporter.get_finished_spans()


async def test_the_spans_of_a_chain_over_three_machines_are_one_tree(
    start_machine: Any, machine_config: Any, exporter: InMemorySpanExporter
) -> None:
    machines = [await start_machine(config=attrs.evolve(machine_config, name=name)) for name in ("one", "two", "three")]
    client = machines[0].client()
    points = [f"localhost:r{number}" for number in range(9)]
    await _relays(client, *(f"r{number}" for number in range(9)))
    for point in points:
        await client.ask(point, "Ext<Pass>", {"to": []})
    pongs = [await client.ping(point, "Ext<Pass>", {"to": []}) for point in points]
    stars = {pong.star for pong in pongs}
    assert {pong.remote for pong in pongs} == {True, False}, "they live on several machines"
    spans = await _spans(client, exporter, client.ask(points[0], "Ext<Pass>", {"to": points[1:]}))
    expected: list[Any] = []
    for point in reversed(points):
        expected = [("CLIENT", "Ext<Pass>", point, [("SERVER", "Ext<Pass>", point, expected)])]
    assert tree(spans) == expected
    assert len({span.context.trace_id for span in spans}) == 1
    assert {span.attributes["hyperverse.star"] for span in spans if span.kind is SpanKind.SERVER} == stars
    for span in spans:
        assert span.start_time <= span.end_time


async def test_each_copy_of_a_ripple_has_a_span_below_that_of_the_ripple(
    client: Any, exporter: InMemorySpanExporter
) -> None:
    await _relays(client, "top", "top:a", "top:b")
    spans = await _spans(client, exporter, client.ask("localhost:top", "Ext<All>", {"below": "localhost:top"}))
    ((kind, name, to, (handled,)),) = tree(spans)
    assert (kind, name, to) == ("CLIENT", "Ext<All>", "localhost:top")
    (ripple,) = handled[3]
    assert ripple[:2] == ("CLIENT", "Ext<Pass>")
    assert [copy[:3] for copy in ripple[3]] == [
        ("SERVER", "Ext<Pass>", "localhost:top:a"),
        ("SERVER", "Ext<Pass>", "localhost:top:b"),
    ]


async def test_a_signal_of_a_handler_belongs_to_its_trace_and_no_body_is_told(
    client: Any, exporter: InMemorySpanExporter
) -> None:
    await _relays(client, "a", "b")
    spans = await _spans(client, exporter, client.ask("localhost:a", "Ext<Tell>", {"to": "localhost:b"}))
    await client.ask("localhost:b", "Ext<Pass>", {"to": []})  # the Signal was handled before
    spans = tuple(s for s in exporter.get_finished_spans() if s.name != "Ext<Pass>")
    note = [("PRODUCER", "Ext<Note>", "localhost:b", [("CONSUMER", "Ext<Note>", "localhost:b", [])])]
    tell = [("CLIENT", "Ext<Tell>", "localhost:a", [("SERVER", "Ext<Tell>", "localhost:a", note)])]
    assert tree(spans) == tell
    assert not [span for span in spans if "secret" in span.to_json()]


async def test_failures_and_refusals_are_errors(client: Any, exporter: InMemorySpanExporter) -> None:
    await _relays(client, "a")
    spans = await _spans(client, exporter, client.ping("localhost:a", "Ext<Fail>"))
    assert [(s.kind, s.status.status_code, s.attributes["hyperverse.status"]) for s in spans] == [
        (SpanKind.SERVER, StatusCode.ERROR, 400),
        (SpanKind.CLIENT, StatusCode.ERROR, 400),
    ]
    assert "that was wrong" in str(spans[0].status.description)
    spans = await _spans(client, exporter, client.ping("localhost:a", "Ext<Unknown>"))
    assert {s.status.status_code for s in spans} == {StatusCode.ERROR}
    spans = await _spans(client, exporter, client.ping("localhost:nobody", "Ext<Fail>"))
    assert {s.attributes["hyperverse.status"] for s in spans} == {404}


@pytest.mark.parametrize("share", [0.0])
async def test_what_comes_from_outside_decides_whether_it_is_sampled(
    client: Any, exporter: InMemorySpanExporter, share: float
) -> None:
    await _relays(client, "a")
    assert not await _spans(client, exporter, client.ask("localhost:a", "Ext<Pass>", {"to": []}))
    for flag, spans in (("00", 0), ("01", 2)):
        headers = {"traceparent": f"00-{TRACE}-{OUTSIDE}-{flag}", "tracestate": "other=1"}
        asked = client.ask("localhost:a", "Ext<Pass>", {"to": []}, headers=headers)
        found = await _spans(client, exporter, asked)
        assert len(found) == spans
    (top,) = [span for span in found if span.kind is SpanKind.CLIENT]
    assert f"{top.context.trace_id:032x}" == TRACE
    assert f"{top.parent.span_id:016x}" == OUTSIDE


@pytest.mark.parametrize("share", [0.25])
async def test_that_share_of_the_traces_is_whole_and_of_the_rest_there_is_nothing(
    client: Any, exporter: InMemorySpanExporter, share: float
) -> None:
    await _relays(client, "a", "b")
    exporter.clear()
    for _ in range(400):
        await client.ask("localhost:a", "Ext<Pass>", {"to": ["localhost:b"]})
    traces: dict[int, int] = {}
    for span in exporter.get_finished_spans():
        traces[span.context.trace_id] = traces.get(span.context.trace_id, 0) + 1
    assert set(traces.values()) == {4}
    assert 40 < len(traces) < 180  # 100 of 400, give or take eight standard deviations


class TestSpans(ObserverConformance):
    def make(self) -> Any:
        return Telemetry([SimpleSpanProcessor(InMemorySpanExporter())], share=1.0).observers[0]
