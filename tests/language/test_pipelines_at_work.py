"""What becomes of a wave on its way through a pipeline."""

from __future__ import annotations

import asyncio

from hyperverse_core import Machine, Outcome
from language.conftest import World, bind

SCRIBES = ("create localhost<Space>", *(f"create localhost:{name}<Scribe>" for name in ("a", "b", "c")))


async def front(world: World, routes: str) -> None:
    """A Scribe with these routes, and others for them to lead to."""
    await world(*SCRIBES, f"create localhost:front<Scribe>{{ +bind={bind(routes)} }}")


async def test_what_the_sender_said_of_the_wave_is_known_at_every_stop(machine: Machine, world: World) -> None:
    await front(world, "Route<Ext<X>> -> localhost:a -> (()) -> localhost:b => &;")
    reply = await machine.client().ping("localhost:front", "Ext<X>", "body", path="/p", headers={"trace": "7"})
    taken = [one for name in ("a", "b") for one in await machine.client().ask(f"localhost:{name}", "Ext<Taken>")]
    assert [one["headers"] for one in taken] == [{"trace": "7"}] * 2
    assert {one["id"] for one in taken} == {reply.id}
    assert {(one["method"], one["path"]) for one in taken} == {("Ext<X>", "/p")}


async def test_what_a_stop_says_of_its_answer_goes_on_with_it(machine: Machine, world: World) -> None:
    await front(world, "Route<Ext<X>> -> localhost:a^Ext<Upper> -> localhost:b => &;")
    told = await machine.client().ask("localhost:front", "Ext<X>", "abc", headers={"trace": "7"})
    assert (told["body"], told["headers"]) == ("ABC", {"trace": "7", "case": "upper"})


async def test_the_last_stops_status_and_headers_are_those_of_the_answer(machine: Machine, world: World) -> None:
    await front(world, "Route<Ext<X>> -> localhost:a -[ Map ]-> localhost:b^Ext<Upper> => &;")
    reply = await machine.client().ping("localhost:front", "Ext<X>", "abc", headers={"trace": "7"})
    assert (reply.status, reply.headers) == (201, {"case": "upper"})
    assert reply.sender.text == "localhost:front"


async def test_each_step_lets_only_its_own_pattern_pass(machine: Machine, world: World) -> None:
    await front(world, "Route<Ext<X>> -[ Text ]-> localhost:a^Ext<Upper> -[ Text ]-> localhost:b -[ Int ]=> &;")
    client = machine.client()
    first = await client.ping("localhost:front", "Ext<X>", 7)
    assert (first.status, first.outcome, "step 1 " in first.error) == (400, Outcome.REJECTED, True)
    last = await client.ping("localhost:front", "Ext<X>", "seven")
    assert (last.status, "step 3 " in last.error) == (502, True)
    assert [one["body"] for one in await client.ask("localhost:b", "Ext<Taken>")] == ["SEVEN"]


async def test_a_pattern_in_front_of_a_block_counts_for_every_route_inside(machine: Machine, world: World) -> None:
    await front(world, "Route -[ Text ]-> { Ext -> { X -> localhost:a => &; Y -> localhost:b => &; } }")
    client = machine.client()
    for method in ("Ext<X>", "Ext<Y>"):
        assert (await client.ping("localhost:front", method, "text")).ok
        assert (await client.ping("localhost:front", method, 7)).status == 400


async def test_empty_brackets_want_no_body(machine: Machine, world: World) -> None:
    await front(world, "Route<Ext<X>> -[]-> localhost:a => &;")
    assert (await machine.client().ping("localhost:front", "Ext<X>")).ok
    assert (await machine.client().ping("localhost:front", "Ext<X>", "text")).status == 400


async def test_a_stop_that_refuses_ends_the_pipeline_with_its_own_status(machine: Machine, world: World) -> None:
    await front(world, "Route<Ext<X>> -> localhost:a -> localhost:b^Ext<Refuse> -> localhost:c => &;")
    reply = await machine.client().ping("localhost:front", "Ext<X>")
    assert (reply.status, reply.error) == (451, "not to be read")
    assert len(await machine.client().ask("localhost:a", "Ext<Taken>")) == 1
    assert await machine.client().ask("localhost:c", "Ext<Taken>") == []


async def test_a_route_that_leads_to_a_route_is_followed(machine: Machine, world: World) -> None:
    await front(world, "Route<Http<Get>>/(?P<first>[a-z]+) -> localhost:${first} => &;")
    await world(f"create localhost:inner<Scribe>{{ +bind={bind('Route<Http<Get>>/inner -> localhost:c => &;')} }}")
    told = await machine.client().ask("localhost:front", "Http<Get>", path="/inner/page")
    assert (told["at"], told["path"]) == ("localhost:c", "/inner/page")


async def test_a_pipeline_without_a_reflection_accepts_what_it_was_sent(machine: Machine, world: World) -> None:
    await front(world, "Route<Ext<X>> -> localhost:a;")
    reply = await machine.client().ping("localhost:front", "Ext<X>", "text")
    assert (reply.status, reply.body) == (202, None)
    assert len(await machine.client().ask("localhost:a", "Ext<Taken>")) == 1


async def test_every_recipient_of_a_ripple_takes_its_own_way(machine: Machine, world: World) -> None:
    await front(world, "Route<Ext<X>> -> localhost:a^Ext<Upper> => &;")
    await world(f"create localhost:other<Scribe>{{ +bind={bind('Route<Ext<X>> -> localhost:b^Ext<Refuse> => &;')} }}")
    echoes = await machine.client().ripple("localhost:*<Scribe>", "Ext<X>", "abc")
    found = {echo.sender.name: (echo.status, echo.body) for echo in echoes}
    assert found["front"] == (201, "ABC")
    assert found["other"][0] == 451
    assert {name for name, (status, _) in found.items() if status == 200} == {"a", "b", "c"}


async def test_a_signal_passes_every_stop_and_its_sender_waits_for_none(machine: Machine, world: World) -> None:
    await front(world, "Route<Ext<X>> -> localhost:a^Ext<Y>/y -> (()) -> localhost:b => &;")
    reply = await machine.client().signal("localhost:front", "Ext<X>", "text", headers={"trace": "7"})
    assert (reply.status, reply.body) == (202, None)
    await asyncio.sleep(0.1)
    a = await machine.client().ask("localhost:a", "Ext<Taken>")
    b = await machine.client().ask("localhost:b", "Ext<Taken>")
    assert [(one["method"], one["path"], one["body"], one["headers"]) for one in (*a, *b)] == [
        ("Ext<Y>", "/y", "text", {"trace": "7"}),
        ("Ext<X>", "/", "text", {"trace": "7"}),
    ]
