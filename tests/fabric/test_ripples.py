"""A Ripple asks many; each answers for itself, and those who do not answer are named."""

from __future__ import annotations

import asyncio

import pytest

from hyperverse_core import Machine, Outcome, Point, Stars
from hyperverse_core.errors import Forbidden


async def test_every_recipient_of_a_selector_echoes(machine: Machine, world) -> None:
    await world(*(f"w{n}<Worker>" for n in range(25)), "r<Relay>")
    echoes = await machine.client().ripple("localhost:*<Worker>", "Ext<Add>", {"by": 2})
    assert sorted(e.sender.text for e in echoes) == sorted(f"localhost:w{n}" for n in range(25))
    assert {(e.status, e.body, e.outcome) for e in echoes} == {(200, 2, Outcome.OK)}


async def test_points_may_be_named_one_by_one_and_each_is_asked_once(machine: Machine, world) -> None:
    await world("a<Worker>", "b<Worker>")
    to = [Point.parse("localhost:a"), Point.parse("localhost:b"), Point.parse("localhost:a")]
    echoes = await machine.client().ripple(to, "Ext<Add>")
    assert {e.sender.text: e.body for e in echoes} == {"localhost:a": 1, "localhost:b": 1}


async def test_a_recipient_that_is_not_there_or_refuses_echoes_its_status(machine: Machine, world) -> None:
    await world("a<Worker>", "r<Relay>")
    to = [Point.parse(f"localhost:{name}") for name in ("a", "r", "nobody")]
    echoes = await machine.client().ripple(to, "Ext<Get>")
    assert {e.sender.name: e.status for e in echoes} == {"a": 200, "r": 404, "nobody": 404}


async def test_partial_answers_are_kept_and_the_others_are_named(machine: Machine, world) -> None:
    await world("a<Worker>", "b<Worker>", "c<Worker>")
    client = machine.client()
    stuck = asyncio.ensure_future(client.ping("localhost:b", "Ext<Work>", {"seconds": 60.0}, wait=90.0))
    await asyncio.sleep(0.1)
    echoes = await client.ripple("localhost:*<Worker>", "Ext<Get>", wait=2.0)
    assert {e.sender.name: (e.status, e.outcome) for e in echoes} == {
        "a": (200, Outcome.OK),
        "b": (408, Outcome.UNKNOWN),
        "c": (200, Outcome.OK),
    }
    assert "after 2 s" in next(e for e in echoes if e.status == 408).error
    assert (await stuck).ok


async def test_handlers_are_cut_off_when_a_ripple_is_over(machine: Machine, world) -> None:
    await world("a<Worker>", "b<Worker>")
    client = machine.client()
    echoes = await client.ripple("localhost:*<Worker>", "Ext<Spoil>", {"by": 9, "seconds": 60.0}, wait=1.0)
    assert {e.status for e in echoes} == {408}
    assert [e.body for e in await client.ripple("localhost:*<Worker>", "Ext<Get>")] == [0, 0]


async def test_as_many_echoes_as_asked_for_are_enough(machine: Machine, world) -> None:
    await world(*(f"w{n}<Worker>" for n in range(10)))
    assert len(await machine.client().ripple("localhost:*<Worker>", "Ext<Get>", count=3)) == 3


async def test_all_stars_can_be_asked_and_those_of_a_kind(machine: Machine) -> None:
    client = machine.client()
    everyone = await client.ripple(Stars(), "Cmd<Bounce>")
    assert len(everyone) == 8
    assert {e.status for e in everyone} == {200}
    assert [e.sender.text for e in await client.ripple(Stars("Fold"), "Cmd<Bounce>")] == [
        "<<STAR::central:fold[0]>>::star"
    ]


async def test_nobody_is_no_error(machine: Machine, world) -> None:
    await world()
    assert await machine.client().ripple("localhost:*<Worker>", "Ext<Get>") == []


async def test_a_particle_may_ripple_to_itself_among_others(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>")
    body = {"to": "localhost:*<Relay>", "method": "Ext<Seen>", "wait": 2.0}
    echoes = await machine.client().ask("localhost:a", "Ext<Spread>", body)
    assert {e["point"]: e["status"] for e in echoes} == {"localhost:a": 200, "localhost:b": 200}


async def test_recipients_do_not_share_the_body(machine: Machine, world) -> None:
    await world("a<Worker>", "b<Worker>", "c<Worker>")
    echoes = await machine.client().ripple("localhost:*<Worker>", "Ext<Keep>", {"things": ["x"]})
    assert {e.sender.name: e.body for e in echoes} == {name: ["x", name] for name in "abc"}


async def test_a_ripple_goes_through_the_bind_of_each(machine: Machine, world) -> None:
    await world("t<Taker>")
    client = machine.client()
    bind = "'Bind(version=1.0.0) { Route<Ext<Number>> -> localhost:t => &; }'"
    for name in "ab":
        assert (await client.exec(f"create localhost:{name}<Worker>{{ +bind={bind} }}"))[0].ok
    echoes = await client.ripple("localhost:*<Worker>", "Ext<Number>")
    assert {e.sender.name: (e.status, e.body) for e in echoes} == {"a": (200, 7), "b": (200, 7)}


async def test_ripples_between_stars_are_for_stars(machine: Machine) -> None:
    with pytest.raises(Forbidden):
        await machine.client().ripple(Stars(), "Hyp<Search>")


async def test_a_ripple_is_cut_with_the_wave_that_sent_it(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Worker>")
    client = machine.client()
    body = {"to": "localhost:*<Worker>", "method": "Ext<Work>", "wait": 60.0}
    stuck = asyncio.ensure_future(client.ping("localhost:b", "Ext<Work>", {"seconds": 5.0}))
    await asyncio.sleep(0.1)
    reply = await client.ping("localhost:a", "Ext<Spread>", body, wait=1.0)
    assert reply.status == 408 or {e["status"] for e in reply.body} == {408}
    await stuck
    assert await client.ask("localhost:b", "Ext<Most>") == 1
