"""A trace shows every hop of one wave and of the waves that its handlers send, and costs nothing afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hyperverse_core import Machine, Ping
from hyperverse_core.errors import BadRequest, Forbidden, ParseError

MACHINE = "GLOBAL::machine"


async def traced(machine: Machine, to: str, method: str, body: Any = None, **more: Any) -> dict[str, Any]:
    request = {"to": to, "method": method, "body": body, **more}
    found: dict[str, Any] = await machine.client().ask(MACHINE, "Ext<Trace>", request, wait=60.0)
    assert found["silent"] == []
    return found


def told(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Of each wave how deep it is, what it is, and what has happened to it."""
    return [
        (wave["depth"], wave["kind"], wave["to"], wave["method"], [event["event"] for event in wave["events"]])
        for wave in found["waves"]
    ]


def nobody_listens(machine: Machine) -> bool:
    chain = machine.parts.interceptors
    listeners = (chain.senders, chain.handlers, chain.retried, chain.failures, chain.refusals)
    return not any(listeners)


async def test_the_hops_of_a_ping_have_times_star_and_status(machine: Machine, world) -> None:
    await world("a<Worker>")
    found = await traced(machine, "localhost:a", "Ext<Add>", {"by": 2})
    assert told(found) == [(0, "Ping", "localhost:a", "Ext<Add>", ["begun", "sent", "delivered", "answered"])]
    (wave,) = found["waves"]
    begun, sent, delivered, answered = wave["events"]
    assert wave["sender"] == MACHINE
    assert [event["machine"] for event in wave["events"]] == ["test"] * 4
    assert begun["at"] == 0.0 < sent["at"] <= delivered["at"] < answered["at"]
    assert sent["star"] == delivered["star"] == answered["star"] != ""
    assert (delivered["status"], delivered["outcome"], answered["status"]) == (200, "ok", 200)
    assert 0 < delivered["seconds"] < answered["seconds"]
    assert await machine.client().ask("localhost:a", "Ext<Get>") == 2


async def test_the_recorder_is_off_before_and_behind_a_trace(machine: Machine, world) -> None:
    await world("a<Worker>")
    assert nobody_listens(machine)
    task = asyncio.ensure_future(traced(machine, "localhost:a", "Ext<Work>", {"seconds": 1.0}))
    await asyncio.sleep(0.5)
    assert not nobody_listens(machine)
    await machine.client().ask("localhost:a", "Cmd<Bounce>")  # not of the trace
    found = await task
    assert [wave["method"] for wave in found["waves"]] == ["Ext<Work>"]
    assert nobody_listens(machine)


async def test_a_recorder_that_is_never_told_to_end_goes_away_by_itself(machine: Machine, world) -> None:
    await world("a<Worker>")
    request = {"to": "localhost:a", "method": "Ext<Work>", "body": {"seconds": 3600.0}, "wait": 30.0}
    reply = await machine.client().ping(MACHINE, "Ext<Trace>", request, wait=5.0)
    assert reply.status == 408
    assert nobody_listens(machine)
    outbound, body = machine.parts.outbound, {"trace": "0" * 32, "seconds": 20.0}
    wave = outbound.origin.wave(Ping, outbound.star.point, "Hyp<Hop>", body, {})  # as another machine asks it
    (await outbound.ask_in_time(wave)).unwrap()
    assert not nobody_listens(machine)
    await asyncio.sleep(21.0)
    assert nobody_listens(machine)


async def test_waves_that_handlers_send_hang_below_the_wave_that_they_handle(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>", "c<Relay>")
    found = await traced(machine, "localhost:a", "Ext<Round>", {"way": ["localhost:b", "localhost:c"]})
    rows = [(depth, to) for depth, _, to, _, _ in told(found)]
    assert rows == [(0, "localhost:a"), (1, "localhost:b"), (2, "localhost:c")]
    spans = [wave["wave"] for wave in found["waves"]]
    assert [wave["parent"] for wave in found["waves"]][1:] == spans[:2]
    assert [wave["sender"] for wave in found["waves"]] == [MACHINE, "localhost:a", "localhost:b"]


async def test_signals_and_background_tasks_show_when_the_trace_lingers(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>", "c<Worker>")
    body = {"to": "localhost:b", "seconds": 1.0}
    found = await traced(machine, "localhost:a", "Ext<Begin>", body, linger=2.0)
    assert [(depth, to) for depth, _, to, _, _ in told(found)] == [(0, "localhost:a"), (1, "localhost:b")]
    found = await traced(machine, "localhost:a", "Ext<Burst>", {"to": "localhost:c", "count": 2}, linger=2.0)
    kinds = {(kind, tuple(sorted(events))) for _, kind, to, _, events in told(found) if to == "localhost:c"}
    assert kinds == {(kind, ("answered", "begun", "delivered", "sent")) for kind in ("Ping", "Signal")}


async def test_a_signal_can_be_traced(machine: Machine, world) -> None:
    await world("a<Worker>")
    found = await traced(machine, "localhost:a", "Ext<Fail>", sent_as="signal")
    assert told(found) == [(0, "Signal", "localhost:a", "Ext<Fail>", ["begun", "sent", "answered", "delivered"])]
    assert [event["status"] for event in found["waves"][0]["events"]] == [None, None, 202, 500]
    assert "secret" not in str(found)


async def test_each_recipient_of_a_ripple_shows(machine: Machine, world) -> None:
    await world("r<Relay>", "a<Worker>", "b<Worker>")
    found = await traced(machine, "localhost:*<Worker>", "Ext<Get>", sent_as="ripple")
    (wave,) = found["waves"]
    reached = [(event["event"], event["to"]) for event in wave["events"]]
    assert reached[0] == ("begun", "localhost:*<Worker>")
    assert sorted(reached[1:-1]) == [("delivered", "localhost:a"), ("delivered", "localhost:b")]
    assert reached[-1] == ("answered", "localhost:*<Worker>")
    within = await traced(machine, "localhost:r", "Ext<Spread>", {"to": "localhost:*<Worker>", "method": "Ext<Get>"})
    assert [(wave["depth"], wave["kind"]) for wave in within["waves"]] == [(0, "Ping"), (1, "Ripple")]
    assert len(within["waves"][1]["events"]) == 4


async def test_the_stops_of_a_pipeline_show(machine: Machine, world) -> None:
    await world("a<Taker>", "b<Taker>", "c<Taker>")
    bind = "Bind(version=1.0.0) { Route<Ext<Go>> -> localhost:b -> localhost:c => &; }"
    await machine.client().exec(f"set localhost:a{{ +bind='{bind}' }}")
    await asyncio.sleep(0.1)  # the change feed brings it
    found = await traced(machine, "localhost:a", "Ext<Go>")
    rows = [(depth, to, "delivered" in events) for depth, _, to, _, events in told(found)]
    assert rows == [(0, "localhost:a", False), (1, "localhost:b", True), (1, "localhost:c", True)]


async def test_a_wave_that_is_refused_says_why(machine: Machine, world) -> None:
    await world("a<Worker>")
    found = await traced(machine, "localhost:nobody", "Ext<Get>")
    assert told(found)[0][-1] == ["begun", "refused", "answered"]
    refused = found["waves"][0]["events"][1]
    assert (refused["status"], refused["outcome"]) == (404, "rejected")
    assert "localhost:nobody" in refused["why"]


async def test_bodies_are_not_in_a_trace(machine: Machine, world) -> None:
    await world("a<Worker>")
    for method, body in (("Ext<Same>", {"body": "hidden"}), ("Ext<Add>", {"by": "hidden"}), ("Ext<Fail>", None)):
        found = str(await traced(machine, "localhost:a", method, body))
        assert "hidden" not in found
        assert "secret of the handler" not in found


async def test_repeats_show(machine: Machine, world) -> None:
    await world("a<Narrow>")
    client = machine.client()
    busy = [asyncio.ensure_future(client.ping("localhost:a", "Ext<Work>", {"seconds": 0.5})) for _ in range(4)]
    await asyncio.sleep(0.1)
    found = await traced(machine, "localhost:a", "Ext<Get>", retries=8)
    events = [(event["event"], event["status"], event["attempt"]) for event in found["waves"][0]["events"]]
    assert ("refused", 503, 1) in events
    assert ("retried", 503, 2) in events
    assert events[-1] == ("answered", 200, 1)
    await asyncio.gather(*busy)


async def test_only_the_hyperuser_may(machine: Machine, world) -> None:
    await world("a<Worker>")
    stranger = machine.client(agent="localhost:stranger")
    request = {"to": "localhost:a", "method": "Ext<Get>"}
    for method, body in (("Ext<Trace>", request), ("Ext<Dump>", None)):
        with pytest.raises(Forbidden):
            await stranger.ask(MACHINE, method, body)
    assert nobody_listens(machine)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"to": "localhost:a", "method": "Add"}, ParseError),
        ({"to": "no point", "method": "Ext<Get>"}, ParseError),
        ({"to": "localhost:a[", "method": "Ext<Get>", "sent_as": "ripple"}, ParseError),
        ({"to": "localhost:a", "method": "Ext<Get>", "sent_as": "pin"}, BadRequest),
        ({"to": "localhost:a", "method": "Ext<Get>", "wait": 1e9}, BadRequest),
        ({"to": "localhost:a", "method": "Ext<Get>", "linger": -1.0}, BadRequest),
    ],
)
async def test_what_cannot_be_sent_is_said(machine: Machine, request_: dict[str, Any], error: type[Exception]) -> None:
    reply = await machine.client().ping(MACHINE, "Ext<Trace>", request_)
    assert reply.status == error.status == 400  # type: ignore[attr-defined]  # each has one
    assert nobody_listens(machine)


async def test_more_than_a_few_at_once_are_refused(machine: Machine, world) -> None:
    await world(*(f"w{number}<Worker>" for number in range(9)))
    client = machine.client()
    body = {"method": "Ext<Work>", "body": {"seconds": 1.0}}
    tasks = [client.ping(MACHINE, "Ext<Trace>", {"to": f"localhost:w{number}", **body}) for number in range(9)]
    assert sorted(reply.status for reply in await asyncio.gather(*tasks)) == [200] * 8 + [429]
    assert nobody_listens(machine)


async def test_a_machine_notes_down_a_bounded_number_of_hops(machine: Machine, world, monkeypatch) -> None:
    monkeypatch.setattr("hyperverse_core.fabric.interception.trace_recorder._MOST", 3)
    await world("a<Worker>")
    found = await traced(machine, "localhost:a", "Ext<Get>")
    assert (len(found["waves"][0]["events"]), found["left_out"]) == (3, 1)


async def test_other_traces_are_left_alone(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>")
    mine = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    task = asyncio.ensure_future(traced(machine, "localhost:a", "Ext<Whoami>", linger=1.0))
    await asyncio.sleep(0.5)
    assert (await machine.client().ask("localhost:b", "Ext<Whoami>", headers=mine))["headers"] == mine
    assert [wave["to"] for wave in (await task)["waves"]] == ["localhost:a"]


# -- dump --------------------------------------------------------------------------------------------------


async def dumped(machine: Machine, limit: int = 1000) -> dict[str, Any]:
    found: dict[str, Any] = await machine.client().ask(MACHINE, "Ext<Dump>", {"limit": limit})
    return found


def row_of(found: dict[str, Any], point: str) -> dict[str, Any]:
    (row,) = [row for row in found["activations"] if row["point"] == point]
    return row


async def test_a_dump_shows_what_an_activation_is_doing(machine: Machine, world) -> None:
    await world("a<Worker>", "b<Worker>", "l<Lively>")
    client = machine.client()
    for point in ("localhost:b", "localhost:l"):
        await client.ping(point, "Ext<Get>")
    busy = [asyncio.ensure_future(client.ping("localhost:a", "Ext<Work>", {"seconds": 2.0})) for _ in range(3)]
    await asyncio.sleep(0.1)
    found = await dumped(machine)
    row = row_of(found, "localhost:a")
    assert (row["kind"], row["state"], row["waiting"], row["running"]) == ("Worker", "ready", 2, 1)
    assert row["star"] == machine.parts.places.known["localhost:a"].star.text
    assert found["activations"][0] == row  # the busy ones come first
    assert row_of(found, "localhost:l")["tasks"] == 1
    assert found["activations_total"] == len(found["activations"]) == sum(found["states"].values())
    assert found["activations_left_out"] == 0
    await asyncio.gather(*busy)


async def test_a_dump_says_for_how_long_a_particle_was_idle(machine: Machine, world) -> None:
    await world("a<Worker>")
    await machine.client().ping("localhost:a", "Ext<Get>")
    assert row_of(await dumped(machine), "localhost:a")["idle"] == 0
    await asyncio.sleep(45.0)
    assert 10 < row_of(await dumped(machine), "localhost:a")["idle"] <= 45


async def test_a_dump_lists_so_many_rows_and_counts_the_others(machine: Machine, world) -> None:
    names = [f"w{number}" for number in range(30)]
    await world(*(f"{name}<Worker>" for name in names))
    await asyncio.gather(*(machine.client().ping(f"localhost:{name}", "Ext<Get>") for name in names))
    everything = await dumped(machine)
    found = await dumped(machine, 10)
    assert len(found["activations"]) == 10
    assert found["activations_left_out"] == everything["activations_total"] - 10
    assert (await dumped(machine, 0))["activations"] == []
    for limit in (-1, 10_001):
        with pytest.raises(BadRequest):
            await dumped(machine, limit)


async def test_a_dump_shows_watches_and_sizes_of_caches(machine: Machine, world) -> None:
    await world("a<Worker>", "b<Worker>")
    client = machine.client()
    await client.ripple("localhost:*", "Cmd<Bounce>")
    await client.ask(MACHINE, "Ext<Watch>", {"point": "localhost:a", "aspects": ["State", "Child"]})
    found = await dumped(machine)
    assert [(row["point"], row["aspect"]) for row in found["watches"]] == [
        ("localhost:a", "State"),
        ("localhost:a", "Child"),
    ]
    assert set(found["caches"]) == {"places", "policy answers", "records", "replies", "selections"}
    assert found["caches"]["selections"] == 1
    assert found["caches"]["places"] >= 2
    assert (found["pending"], found["lanes"], found["workers_waiting"]) == ([], [], 0)
    assert (await dumped(machine, 1))["watches_left_out"] == 1


async def test_a_machine_with_many_particles_answers_in_slices(machine: Machine, world, monkeypatch) -> None:
    monkeypatch.setattr("hyperverse_core.fabric.services.reports.dump._SLICE", 5)
    names = [f"w{number}" for number in range(40)]
    await world(*(f"{name}<Worker>" for name in names))
    await asyncio.gather(*(machine.client().ping(f"localhost:{name}", "Ext<Get>") for name in names))
    turns = 0
    task = asyncio.ensure_future(dumped(machine))
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 8
