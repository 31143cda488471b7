"""Binds at work: routes, captures, pipelines through several particles, patterns, and what becomes of a change."""

from __future__ import annotations

import asyncio

import pytest

from fabric.kinds import Taker
from hyperverse_core import Driver, KindDef, Machine, Outcome, Point, hookimpl
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import HYPERUSER


async def bound(machine: Machine, name: str, routes: str, kind: str = "Taker") -> None:
    text = f"Bind(version=1.0.0) {{ {routes} }}"
    result = (await machine.client().exec(f"create localhost:{name}<{kind}>{{ +bind='{text}' }}", check=False))[0]
    assert result.ok, result.error


async def test_a_route_sends_the_wave_to_the_core_and_back(machine: Machine, world) -> None:
    await world()
    await bound(machine, "a", "Route<Ext<Number>> -> (()) => &;")
    assert await machine.client().ask("localhost:a", "Ext<Number>") == 7


async def test_what_no_route_takes_is_404_but_a_cmd_falls_through_to_the_core(machine: Machine, world) -> None:
    await world()
    await bound(machine, "a", "Route<Ext<Number>> -> (()) => &;", kind="Worker")
    client = machine.client()
    reply = await client.ping("localhost:a", "Ext<Get>")
    assert (reply.status, "no route for Ext<Get>" in reply.error) == (404, True)
    assert (await client.ping("localhost:a", "Cmd<Bounce>")).ok
    assert await client.ask("localhost:a", "Cmd<Read>") == {"value": 0, "book": []}


async def test_captures_feed_points(machine: Machine, world) -> None:
    await world("profiles<Base>", "profiles:ann<Taker>", "profiles:ben<Taker>")
    route = "Route<Http<Get>>/users/(?P<user>[^/]+) -> localhost:profiles:${user} => &;"
    await bound(machine, "a", route)
    client = machine.client()
    for user in ("ann", "ben"):
        told = await client.ask("localhost:a", "Http<Get>", path=f"/users/{user}")
        assert (told["at"], told["path"]) == (f"localhost:profiles:{user}", f"/users/{user}")
    assert (await client.ping("localhost:a", "Http<Get>", path="/users/nobody")).status == 404
    assert (await client.ping("localhost:a", "Http<Get>", path="/groups/ann")).status == 404


@pytest.mark.parametrize("user", ["ann:secret", "..", "ann@x", "Ann Lee", "<<STAR::machine:test[0]>>::star"])
async def test_a_capture_cannot_lead_out_of_its_segment(machine: Machine, world, user: str) -> None:
    await world("profiles<Base>", "profiles:ann<Base>", "profiles:ann:secret<Taker>")
    route = "Route<Http<Get>>/users/(?P<user>[^/]+) -> localhost:profiles:${user} => &;"
    await bound(machine, "a", route)
    reply = await machine.client().ping("localhost:a", "Http<Get>", path=f"/users/{user}")
    assert reply.status in (400, 404), reply


async def test_a_pipeline_leads_through_several_particles_and_each_gets_what_the_last_one_answered(
    machine: Machine, world
) -> None:
    await world("b<Taker>", "c<Taker>")
    await bound(machine, "a", "Route<Ext<Note>> -> localhost:b -> localhost:c => &;")
    reply = await machine.client().ping("localhost:a", "Ext<Note>", {"body": "x"}, headers={"trace": "1"})
    told = reply.body
    assert (told["at"], told["body"]["at"], told["body"]["body"]) == ("localhost:c", "localhost:b", "x")
    assert told["id"] == told["body"]["id"] == reply.id
    assert told["body"]["headers"] == {"trace": "1"}
    assert told["agent"] == "localhost:a"  # which sends, with rights of its own


async def test_a_pipeline_may_call_another_method_with_a_path_of_captures(machine: Machine, world) -> None:
    await world("b<Taker>")
    route = "Route<Http<Get>>/items/(?P<id>[0-9]+) -> localhost:b^Ext<Item>/it/${id} => &;"
    await bound(machine, "a", route)
    told = await machine.client().ask("localhost:a", "Http<Get>", path="/items/42")
    assert (told["method"], told["path"]) == ("Ext<Item>", "/it/42")


async def test_patterns_are_checked_at_every_step(machine: Machine, world) -> None:
    await world("b<Taker>")
    await bound(machine, "a", "Route<Ext<Number>> -[ Text ]-> localhost:b^Ext<Take> -[ Map{ *<Int> } ]-> (()) => &;")
    client = machine.client()
    wrong = await client.ping("localhost:a", "Ext<Number>", 5)
    assert (wrong.status, wrong.outcome) == (400, Outcome.REJECTED)
    assert "step 1" in wrong.error
    other = await client.ping("localhost:a", "Ext<Number>", "text")
    assert (other.status, "step 2" in other.error, other.outcome) == (502, True, Outcome.FAILED)


async def test_a_step_that_fails_answers_its_own_status(machine: Machine, world) -> None:
    await world("b<Taker>", "w<Worker>")
    client = machine.client()
    await bound(machine, "a", "Route<Ext<Number>> -> localhost:b^Ext<Deny> -> (()) => &;")
    reply = await client.ping("localhost:a", "Ext<Number>")
    assert (reply.status, reply.error, reply.outcome) == (409, "it is taken", Outcome.FAILED)
    await bound(machine, "c", "Route<Ext<Fail>> -> localhost:w => &;")
    assert (await client.ping("localhost:c", "Ext<Fail>")).status == 500
    await bound(machine, "d", "Route<Ext<X>> -> localhost:nobody => &;")
    assert (await client.ping("localhost:d", "Ext<X>")).status == 404


async def test_only_the_first_stop_can_refuse_a_wave_so_that_it_surely_did_not_run(machine: Machine, world) -> None:
    await world("b<Taker>")
    client = machine.client()
    await bound(machine, "a", "Route<Ext<X>> -> localhost:nobody => &;")
    reply = await client.ping("localhost:a", "Ext<X>")
    assert (reply.status, reply.outcome) == (404, Outcome.REJECTED)
    await bound(machine, "c", "Route<Ext<X>> -> localhost:b -> localhost:nobody => &;")
    reply = await client.ping("localhost:c", "Ext<X>")
    assert (reply.status, "localhost:nobody" in reply.error, reply.outcome) == (404, True, Outcome.FAILED)
    assert await client.ask("localhost:b", "Ext<Taken>") == ["Ext<X>/"]


async def test_a_pipeline_whose_first_stop_has_run_is_not_sent_again_as_a_whole(machine: Machine, world) -> None:
    await world("n<Narrow>")
    routes = "Route<Ext<Add>> -> (()) -> localhost:n^Ext<Same> => &; Route<Ext<Get>> -> (()) => &;"
    await bound(machine, "a", routes, kind="Worker")
    client = machine.client()
    busy = [asyncio.ensure_future(client.ping("localhost:n", "Ext<Work>", {"seconds": 2.0})) for _ in range(4)]
    await asyncio.sleep(0.1)
    reply = await client.ping("localhost:a", "Ext<Add>", retries=3)
    assert (reply.status, reply.outcome) == (503, Outcome.FAILED)
    assert "3 waves wait" in reply.error
    assert await client.ask("localhost:a", "Ext<Get>") == 1
    await asyncio.gather(*busy)


async def test_a_stop_that_is_busy_for_a_moment_is_asked_again_without_those_before_it(machine: Machine, world) -> None:
    await world("n<Narrow>")
    await bound(machine, "a", "Route<Ext<Add>> -> (()) -> localhost:n^Ext<Same> => &;", kind="Worker")
    client = machine.client()
    busy = [asyncio.ensure_future(client.ping("localhost:n", "Ext<Work>", {"seconds": 0.1})) for _ in range(4)]
    await asyncio.sleep(0.05)
    assert (await client.ping("localhost:a", "Ext<Add>", retries=10)).body == 1
    await asyncio.gather(*busy)


async def test_a_particle_that_leaves_in_the_middle_of_its_pipeline_does_not_begin_it_anew(
    machine: Machine, world
) -> None:
    await world("w<Worker>")
    await bound(machine, "a", "Route<Ext<Work>> -> localhost:w -> (()) => &;")
    client = machine.client()
    asked = asyncio.ensure_future(client.ping("localhost:a", "Ext<Work>", {"tag": "once", "seconds": 1.0}, retries=3))
    await asyncio.sleep(0.5)
    await client.exec("delete localhost:a")
    await bound(machine, "a", "Route<Ext<Work>> -> localhost:w -> (()) => &;")
    reply = await asked
    assert (reply.status, reply.outcome) == (503, Outcome.FAILED)
    assert await client.ask("localhost:w", "Ext<Book>") == ["once"]


async def test_whoever_asks_needs_rights_on_the_particle_with_the_bind_and_that_one_on_its_stops(
    machine: Machine, world
) -> None:
    await world("b<Taker>", "s<Taker>")
    await bound(machine, "a", "Route<Ext<X>> -> localhost:b => &;")
    stranger = machine.client(agent="localhost:s")
    await machine.registry.chown([Point.parse("localhost:s")], Point.parse("localhost:somebody"))
    assert (await stranger.ping("localhost:a", "Ext<X>")).status == 404
    await machine.registry.grant(AccessGrant.parse(f"perm +csd-rwX on localhost:a to localhost:s by {HYPERUSER}"))
    await asyncio.sleep(1)
    assert (await stranger.ping("localhost:b", "Ext<X>")).status == 404
    assert (await stranger.ask("localhost:a", "Ext<X>"))["agent"] == "localhost:a"


async def test_a_bind_does_nothing_in_the_name_of_those_who_talk_to_its_particle(machine: Machine, world) -> None:
    """Whoever writes a bind would otherwise act with the rights of every operator who touches its particle."""
    await world("victim<Taker>", "b<Taker>")
    await bound(
        machine,
        "evil",
        "Route<Cmd<Bounce>> -> localhost:victim^Ext<X> => &;"
        " Route<Cmd<*>> -> localhost:victim^Ext<X> => &;"
        " Route<Ext<Hello>> -> localhost:victim^Ext<X> => &;"
        " Route<Ext<Die>> -> GLOBAL::machine^Ext<Stop> => &;",
    )
    await machine.registry.chown([Point.parse("localhost:evil")], Point.parse("localhost:b"))
    await asyncio.sleep(1)
    client = machine.client()
    for method in ("Cmd<Bounce>", "Ext<Hello>", "Ext<Die>"):
        assert (await client.ping("localhost:evil", method)).status in (403, 404), method
    signalled = await client.signal("localhost:evil", "Ext<Hello>")
    assert not signalled.ok or signalled.status == 202
    assert (await client.ping("localhost:evil", "Cmd<Read>")).ok  # not by the route for every Cmd
    for echo in await client.ripple("localhost:*", "Ext<Hello>"):
        assert echo.sender.text != "localhost:evil" or echo.status == 404


@pytest.mark.parametrize("pattern", ["Cmd<*>", "*<*>"])
async def test_bounces_and_reads_go_the_way_of_a_bind_only_if_it_names_them(
    machine: Machine, world, pattern: str
) -> None:
    await world("b<Taker>")
    client = machine.client()
    await bound(machine, "a", f"Route<{pattern}> -> localhost:b^Ext<X> => &;")
    for method in ("Cmd<Bounce>", "Cmd<Read>"):
        assert (await client.ask("localhost:a", method))["at"] == "localhost:a"
    assert (await client.ask("localhost:a", "Cmd<Update>"))["at"] == "localhost:b"
    await bound(machine, "c", "Route<Cmd<Read>> -> localhost:b^Ext<X> => &;")
    assert (await client.ask("localhost:c", "Cmd<Read>"))["at"] == "localhost:b"


async def test_a_bind_that_is_wrong_is_told_with_its_place(machine: Machine, world) -> None:
    await world("b<Taker>")
    client = machine.client()
    await client.exec("create localhost:a<Taker>{ +bind='Bind(version=1.0.0) { Rute<Ext<X>> -> (()) => &; }' }")
    reply = await client.ping("localhost:a", "Ext<X>")
    assert (reply.status, "the bind of 'localhost:a' is wrong" in reply.error) == (400, True)
    assert "line 1" in reply.error


async def test_a_bind_can_be_read_from_another_particle(machine: Machine, world) -> None:
    await world("page<Page>")
    client = machine.client()
    text = "Bind(version=1.0.0) { Route<Ext<Number>> -> (()) => &; }"
    assert (await client.ping("localhost:page", "Cmd<Update>", {"text": text})).ok
    assert (await client.exec("create localhost:a<Taker>{ +bind=localhost:page }"))[0].ok
    assert await client.ask("localhost:a", "Ext<Number>") == 7
    assert (await client.ping("localhost:a", "Ext<Other>")).status == 404
    # and when that changes, so does the bind
    text = "Bind(version=1.0.0) { Route<Ext<Other>> -> (()) => &; }"
    assert (await client.ping("localhost:page", "Cmd<Update>", {"text": text})).ok
    await asyncio.sleep(0.1)
    assert (await client.ping("localhost:a", "Ext<Number>")).status == 404
    assert (await client.ping("localhost:a", "Ext<Other>")).ok


async def test_a_bind_that_cannot_be_read_says_why(machine: Machine, world) -> None:
    await world("w<Worker>")
    client = machine.client()
    for source, why in (("localhost:gone", "no particle"), ("localhost:w", "it is dict, not a string")):
        await client.exec(f"create! localhost:a<Taker>{{ +bind={source} }}")
        reply = await client.ping("localhost:a", "Ext<X>")
        assert (reply.status, why in reply.error) == (400, True), reply.error


async def test_the_bind_property_can_be_changed_and_removed(machine: Machine, world) -> None:
    await world()
    await bound(machine, "a", "Route<Ext<Number>> -> (()) => &;")
    client = machine.client()
    assert (await client.ping("localhost:a", "Ext<Other>")).status == 404
    other = "'Bind(version=1.0.0) { Route<Ext<Other>> -> (()) => &; }'"
    assert (await client.exec(f"set localhost:a{{ +bind={other} }}"))[0].ok
    assert (await client.ping("localhost:a", "Ext<Other>")).ok
    assert (await client.ping("localhost:a", "Ext<Number>")).status == 404
    assert (await client.exec("set localhost:a{ !bind }"))[0].ok
    assert (await client.ping("localhost:a", "Ext<Number>")).ok


async def test_a_driver_may_have_a_bind_for_its_kind(start_machine) -> None:
    class Strict(Driver):
        kind = KindDef("Strict", doc="has routes of its own")
        particle = Taker
        bind = "Bind(version=1.0.0) { Route<Ext<Number>> -> (()) => &; }"

    class Plugin:
        @hookimpl
        def hyperverse_register_drivers(self, register) -> None:
            register(Strict)

    client = (await start_machine(plugins=[Plugin()])).client()
    await client.exec("create localhost<Space>; create localhost:s<Strict>")
    assert await client.ask("localhost:s", "Ext<Number>") == 7
    assert (await client.ping("localhost:s", "Ext<Other>")).status == 404


async def test_a_signal_passes_every_stop_of_a_pipeline(machine: Machine, world) -> None:
    await world("b<Taker>", "c<Taker>")
    await bound(machine, "a", "Route<Ext<Note>> -> localhost:b -> (()) -> localhost:c => &;")
    client = machine.client()
    reply = await client.signal("localhost:a", "Ext<Note>", {"body": "x"})
    assert (reply.status, reply.outcome) == (202, Outcome.OK)
    for name in "bc":
        assert await client.ask(f"localhost:{name}", "Ext<Taken>") == ["Ext<Note>/"]


async def test_a_pipeline_keeps_the_deadline_of_its_wave(machine: Machine, world) -> None:
    await world("w<Worker>")
    await bound(machine, "a", "Route<Ext<Work>> -> localhost:w => &;")
    client = machine.client()
    reply = await client.ping("localhost:a", "Ext<Work>", {"seconds": 60.0}, wait=2.0)
    assert (reply.status, reply.outcome) == (408, Outcome.UNKNOWN)
    assert await client.ask("localhost:w", "Ext<Book>") == []


async def test_waves_that_come_while_a_bind_is_read_keep_their_order(machine: Machine, world) -> None:
    await world("page<Page>", "r<Relay>")
    client = machine.client()
    text = "Bind(version=1.0.0) { Route<Ext<*>> -> (()) => &; }"
    await client.ping("localhost:page", "Cmd<Update>", {"text": text})
    await client.exec("create localhost:w<Worker>{ +bind=localhost:page }")
    await client.ask("localhost:r", "Ext<Burst>", {"to": "localhost:w", "count": 30})
    assert await client.ask("localhost:w", "Ext<Book>") == [str(n) for n in range(30)]
