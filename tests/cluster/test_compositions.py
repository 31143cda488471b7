"""One suite for every composition: stars see one Hyperverse, on however many machines they run."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest

from cluster.worlds import World
from hyperverse_core.client.api import ClientApi
from patience import PATIENCE

pytestmark = pytest.mark.thorough

__all__ = [
    "test_a_body_of_three_megabytes_goes_both_ways",
    "test_a_client_cannot_speak_as_a_star",
    "test_a_particle_answers_the_same_from_every_machine",
    "test_a_ripple_gathers_an_echo_from_each_particle_once",
    "test_a_ripple_that_times_out_keeps_the_echoes_that_came",
    "test_a_star_bounces_from_every_machine",
    "test_a_wave_passes_through_particles_of_many_kinds_of_stars",
    "test_enough_echoes_are_enough",
    "test_every_machine_sees_every_star_with_its_true_number_of_hops",
    "test_first_waves_from_everywhere_at_once_make_one_live_copy",
    "test_particles_that_call_each_other_over_machines_do_not_block",
    "test_pings_of_one_sender_are_handled_in_order",
    "test_signals_arrive_in_the_order_they_were_sent",
    "test_what_is_deleted_through_one_machine_is_gone_for_all",
    "test_what_is_not_there_is_answered_404_from_everywhere",
]


async def create(client: ClientApi, *commands: str) -> None:
    for command in commands:
        await client.exec(f"create {command}")


def lanes_from(start: str, rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many lanes each star is away, counted by hand from the lanes that the directory tells."""
    ends: dict[str, set[str]] = {row["star"]: set() for row in rows}
    for row in rows:
        for end in row["lanes"]:
            ends[row["star"]].add(end)
            ends[end].add(row["star"])
    forwards = {row["star"] for row in rows if row["kind"] not in ("Central", "Machine")} | {start}
    found, queue = {start: 0}, deque([start])
    while queue:
        here = queue.popleft()
        for end in sorted(ends[here]) if here in forwards else ():
            if end not in found:
                found[end] = found[here] + 1
                queue.append(end)
    return found


async def test_every_machine_sees_every_star_with_its_true_number_of_hops(world: World) -> None:
    seen = []
    for name in world.machines:
        rows = await (await world.client(name)).stars()
        away = lanes_from(f"STAR::machine:{name}[0]", rows)
        assert {row["star"]: row["hops"] for row in rows} == away
        seen.append({row["star"] for row in rows})
    assert all(stars == seen[0] for stars in seen)
    assert len(seen[0]) == 7 + len(world.machines)


async def test_a_star_bounces_from_every_machine(world: World) -> None:
    """H5: over the forwarder, two lanes away at the most where all are neighbours."""
    for name in world.machines:
        client = await world.client(name)
        for row in await client.stars():
            reply = await client.ping(f"<<{row['star']}>>::star", "Cmd<Bounce>")
            assert reply.ok, reply.error
            assert reply.hops == row["hops"]
            assert reply.remote == (row["machine"] != name)


async def test_a_particle_answers_the_same_from_every_machine(world: World) -> None:
    """H6: registered through one machine, provisioned by the first wave, one live copy."""
    await create(await world.client(), f"{world.space}:one<Tally>")
    clients = [await world.client(name) for name in world.machines]
    answers = [(await client.ping(f"{world.space}:one", "Ext<Add>")).unwrap() for client in clients]
    assert answers == list(range(1, len(clients) + 1))


async def test_first_waves_from_everywhere_at_once_make_one_live_copy(world: World) -> None:
    """Concurrent first waves to one unprovisioned particle."""
    await create(await world.client(), f"{world.space}:race<Tally>")
    clients = [await world.client(name) for name in world.machines]
    replies = await asyncio.gather(
        *(client.ping(f"{world.space}:race", "Ext<Add>") for client in clients for _ in range(4))
    )
    assert sorted(reply.unwrap() for reply in replies) == list(range(1, 4 * len(clients) + 1))


async def test_a_wave_passes_through_particles_of_many_kinds_of_stars(world: World) -> None:
    client = await world.client()
    relays = [f"{world.space}:r{number}" for number in range(5)]
    await create(client, *(f"{relay}<Relay>" for relay in relays), f"{world.space}:end<Tally>")
    body = {"to": [*relays[1:], f"{world.space}:end"], "method": "Ext<Echo>", "body": {"x": [1, None, b"\0"]}}
    assert (await client.ping(relays[0], "Ext<Pass>", body)).unwrap() == {"x": [1, None, b"\0"]}


async def test_particles_that_call_each_other_over_machines_do_not_block(world: World) -> None:
    client = await world.client()
    ring = [f"{world.space}:p{number}" for number in range(3)]
    await create(client, *(f"{point}<Relay>" for point in ring))
    body = {"to": [*ring[1:], ring[0], ring[1]], "method": "Cmd<Bounce>", "body": None}
    assert (await client.ping(ring[0], "Ext<Pass>", body)).ok


async def test_a_ripple_gathers_an_echo_from_each_particle_once(world: World) -> None:
    client = await world.client()
    points = [f"{world.space}:t{number}" for number in range(20)]
    await create(client, *(f"{point}<Tally>" for point in points))
    for _ in range(2):  # the first time it provisions them
        echoes = await client.ripple(f"{world.space}:*", "Ext<Echo>", 7)
        assert sorted(echo.sender.text for echo in echoes) == sorted(points)
        assert {echo.body for echo in echoes} == {7}


async def test_a_ripple_that_times_out_keeps_the_echoes_that_came(world: World) -> None:
    """Ripple with partial answers and a time-out."""
    client = await world.client()
    points = [f"{world.space}:w{number}" for number in range(6)]
    await create(client, *(f"{point}<Tally>" for point in points))
    await client.ripple(f"{world.space}:*", "Ext<Value>")
    asleep = [asyncio.ensure_future(client.ping(p, "Ext<Wait>", {"seconds": 5.0}, wait=6.0)) for p in points[:2]]
    await asyncio.sleep(0.3)
    echoes = await client.ripple(f"{world.space}:*", "Ext<Value>", wait=1.5)
    by_point = {echo.sender.text: echo.status for echo in echoes}
    assert by_point == {point: 408 if point in points[:2] else 200 for point in points}
    await asyncio.gather(*asleep)


async def test_enough_echoes_are_enough(world: World) -> None:
    client = await world.client()
    await create(client, *(f"{world.space}:n{number}<Tally>" for number in range(8)))
    echoes = await client.ripple(f"{world.space}:*", "Ext<Value>", count=3)
    assert len([echo for echo in echoes if echo.ok]) >= 3


async def test_signals_arrive_in_the_order_they_were_sent(world: World) -> None:
    """1000 waves in order on one lane."""
    client = await world.client()
    await create(client, f"{world.space}:sender<Relay>", f"{world.space}:sink<Tally>")
    sent = await client.ping(f"{world.space}:sender", "Ext<SendMany>", {"to": f"{world.space}:sink", "count": 1000})
    assert sent.ok, sent.error
    told: list[int] = []
    end = asyncio.get_running_loop().time() + PATIENCE
    while len(told) < 1000 and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
        told = (await client.ping(f"{world.space}:sink", "Ext<Told>")).unwrap()
    assert told == list(range(1000))


async def test_pings_of_one_sender_are_handled_in_order(world: World) -> None:
    client = await world.client(world.machines[-1])
    await create(client, f"{world.space}:in-order<Tally>")
    replies = await asyncio.gather(*(client.ping(f"{world.space}:in-order", "Ext<Add>") for _ in range(200)))
    assert [reply.unwrap() for reply in replies] == list(range(1, 201))


async def test_what_is_not_there_is_answered_404_from_everywhere(world: World) -> None:
    for name in world.machines:
        client = await world.client(name)
        assert (await client.ping(f"{world.space}:nobody", "Ext<Value>")).status == 404
        assert (await client.ping("<<STAR::central:fold[7]>>::star", "Cmd<Bounce>")).status == 503


async def test_what_is_deleted_through_one_machine_is_gone_for_all(world: World) -> None:
    """Delete."""
    clients = [await world.client(name) for name in world.machines]
    point = f"{world.space}:short-lived"
    await create(clients[0], f"{point}<Tally>")
    for client in clients:
        assert (await client.ping(point, "Ext<Value>")).ok
    await clients[-1].exec(f"delete {point}")
    for client in clients:
        for _ in range(40):
            reply = await client.ping(point, "Ext<Value>")
            if reply.status == 404:
                break
            await asyncio.sleep(0.05)
        assert reply.status == 404


async def test_a_body_of_three_megabytes_goes_both_ways(world: World) -> None:
    """A body of three megabytes there and back; over TCP in test_lanes_over_sockets.py."""
    client = await world.client(world.machines[-1])
    await create(client, f"{world.space}:large<Tally>")
    body = b"hyper" * 600_000
    assert (await client.ping(f"{world.space}:large", "Ext<Echo>", body, wait=30.0)).unwrap() == body


async def test_a_client_cannot_speak_as_a_star(world: World) -> None:
    """Knock as a star by a client."""
    client = await world.client()
    rows = await client.stars()
    reply = await client.ping(f"<<{rows[0]['star']}>>::star", "Hyp<Release>", {"points": []})
    assert reply.status == 403
