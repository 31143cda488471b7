"""A client at work, over a real socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import Client, Kind, Machine, NoMachine, Outcome, Point, Pong, Registration
from hyperverse_core.errors import BadRequest, HandlerFailed, NotFound, ParseError, ProtocolError, Unauthorized
from patience import PATIENCE

PROBE = "localhost:probe"


async def test_a_ping_is_answered_with_body_and_receipt(client: Client) -> None:
    """A wave that a client sends arrives at the machine."""
    pong = await client.ping(PROBE, "Ext<Echo>", {"said": [1, 2.5, "x", b"y", None, {"a": True}]})
    assert pong.body == [1, 2.5, "x", b"y", None, {"a": True}]
    assert (pong.status, pong.outcome, pong.sender) == (200, Outcome.OK, Point.parse(PROBE))
    assert pong.receipt.star and pong.receipt.attempts == 1 and not pong.receipt.remote


async def test_the_agent_is_that_of_the_token_and_the_sender_the_clients_own_particle(
    client: Client,
) -> None:
    who = await client.ask(PROBE, "Ext<Who>")
    assert who["agent"] == "hyperspace:users:hyperuser" == client.agent.text
    assert who["sender"] == client.surface.point.text
    assert who["chain"] == [] and who["scope"] is None


async def test_a_body_becomes_the_type_that_is_expected(client: Client) -> None:
    @attrs.frozen
    class Size:
        width: int
        height: int

    pong = await client.ping(PROBE, "Ext<Echo>", {"said": {"width": 2, "height": 3}}, expect=Size)
    assert pong.body == Size(2, 3)
    with pytest.raises(ProtocolError, match="is not a Size"):
        await client.ping(PROBE, "Ext<Echo>", {"said": {"width": "2", "height": 3}}, expect=Size)


async def test_ask_raises_what_the_status_stands_for(client: Client) -> None:
    with pytest.raises(NotFound, match="'localhost:prob'") as found:
        await client.ask("localhost:prob", "Ext<Echo>")
    assert PROBE in found.value.hint


async def test_a_body_that_is_not_plain_is_refused_before_it_is_sent(client: Client) -> None:
    with pytest.raises(BadRequest, match=r"the body\['a'\]\[0\] is a object"):
        await client.ping(PROBE, "Ext<Echo>", {"a": [object()]})


async def test_signals_are_accepted_or_refused(client: Client, machine: Machine) -> None:
    assert (await client.signal(PROBE, "Ext<Run>")).status == 202
    assert (await client.signal("localhost:nobody", "Ext<Run>")).status == 404


async def test_ripples_gather_echoes(client: Client) -> None:
    for number in range(5):
        await client.exec(f"create localhost:p{number}<Probe>")
    echoes = await client.ripple("localhost:*<Probe>", "Ext<Echo>", {"said": 1})
    assert len(echoes) == 6 and all(echo.body == 1 for echo in echoes)
    one = await client.ripple([PROBE, "localhost:nobody"], "Ext<Echo>", {"said": 2})
    assert {echo.sender.text: echo.status for echo in one} == {PROBE: 200, "localhost:nobody": 404}


async def test_a_ripple_that_cannot_be_spread_raises_why(client: Client) -> None:
    assert await client.ripple("localhost:none:**", "Cmd<Bounce>") == []


async def test_a_ripple_keeps_what_has_come_when_time_is_over(client: Client) -> None:
    await client.exec("create localhost:mute<Probe>")
    echoes = await client.ripple([PROBE, "localhost:mute"], "Ext<Runs>", wait=5)
    assert [echo.status for echo in echoes] == [200, 200]
    echoes = await client.ripple(["localhost:mute"], "Ext<Hold>", wait=0.2)
    assert [(echo.status, echo.outcome) for echo in echoes] == [(408, Outcome.UNKNOWN)]


async def test_commands_run_one_after_the_other_and_stop_at_the_first_failure(client: Client) -> None:
    script = "create localhost:a<Base>;\ncreate localhost:a<Base>;\ncreate localhost:b<Base>"
    results = await client.exec(script, check=False)
    assert [(r.status, r.line, r.column) for r in results] == [(200, 1, 1), (409, 2, 1)]
    results = await client.exec(script, keep_going=True, check=False)
    assert [r.status for r in results] == [409, 409, 200]


async def test_a_script_that_cannot_be_read_says_where(client: Client) -> None:
    results = await client.exec("create localhost:a<Base>;\n  creat localhost:b<Base>;", check=False)
    assert [r.status for r in results] == [200, 400]
    assert (results[1].line, results[1].column) == (2, 3)
    assert "create" in results[1].error and "^" in results[1].body["caret"]
    single = await client.exec("creat localhost:b<Base>", check=False)
    assert single[0].status == 400 and (single[0].line, single[0].column) == (1, 1)


@pytest.mark.thorough
async def test_a_select_of_many_pages_gives_every_particle_once(client: Client, machine: Machine) -> None:
    point = Point.parse
    for number in range(2100):
        registration = Registration(point(f"localhost:n{number:04}"), Kind.parse("Base"), client.agent)
        await machine.registry.register(registration)
    found = [item["point"] async for item in client.select("localhost:*<Base>")]
    assert found == [f"localhost:n{number:04}" for number in range(2100)]
    with pytest.raises(ParseError):
        [item async for item in client.select("local host")]


async def test_results_come_as_soon_as_they_are_there(
    client: Client, machine: Machine, events: dict[str, asyncio.Event]
) -> None:
    script = f'ping {PROBE} Ext<Runs>; ping {PROBE} Ext<Run> {{"gate": "go"}}; ping {PROBE} Ext<Runs>'
    seen = []
    async for result in client.run(script):
        seen.append(result.body)
        if len(seen) == 1:
            events.setdefault("go", asyncio.Event()).set()
    assert seen == [0, 1, 1]


async def test_it_tells_the_state_of_the_machine(client: Client, machine: Machine) -> None:
    assert (await client.status())["state"] == "Ready"
    assert {star["kind"] for star in await client.stars()} >= {"Central", "Machine"}
    assert "Probe" in {kind["kind"] for kind in await client.kinds()}
    assert client.machine == machine.name == "local"


async def test_the_machine_bounces_the_client_and_the_client_the_machine(client: Client, machine: Machine) -> None:
    """H3: a Bounce to the client is answered by the client."""
    inside = machine.client()
    assert (await inside.ping(client.surface.point, "Cmd<Bounce>")).ok
    assert (await client.ping(machine.parts.home.point, "Cmd<Bounce>")).ok
    assert (await client.ping(client.surface.point, "Cmd<Bounce>")).ok
    assert (await inside.ping(client.surface.point, "Ext<Anything>")).status == 404


async def test_a_client_serves_the_waves_that_are_sent_to_it(client: Client, machine: Machine) -> None:
    """A wave that is sent out to the client arrives there, and is answered."""
    signals: asyncio.Queue[Any] = asyncio.Queue()

    async def answer(wave: Any) -> Any:
        if wave.method.text == "Ext<Fail>":
            raise ValueError("no")
        if wave.method.text == "Ext<Note>":
            await signals.put(wave.body)
        return Pong(201, {"method": wave.method.text, "body": wave.body, "agent": wave.agent.text})

    client.on_wave(answer)
    inside = machine.client()
    pong = await inside.ping(client.surface.point, "Http<Post>", {"whole_bodies": 1}, path="/x")
    assert (pong.status, pong.body["method"], pong.body["body"]) == (201, "Http<Post>", {"whole_bodies": 1})
    assert pong.body["agent"] == "hyperspace:users:hyperuser"
    failed = await inside.ping(client.surface.point, "Ext<Fail>")
    assert (failed.status, failed.outcome) == (500, Outcome.FAILED)
    assert (await inside.signal(client.surface.point, "Ext<Note>", 7)).status == 202
    assert await asyncio.wait_for(signals.get(), PATIENCE) == 7
    echoes = await inside.ripple([client.surface.point], "Ext<Who>", 1)
    assert [echo.status for echo in echoes] == [201]


async def test_a_client_serves_only_so_many_waves_at_once_and_the_others_in_turn(
    client: Client, machine: Machine
) -> None:
    at_once = 256
    under_way, most, full, go_on = 0, 0, asyncio.Event(), asyncio.Event()

    async def answer(wave: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == at_once:
            full.set()
        await go_on.wait()
        under_way -= 1
        return wave.body

    client.on_wave(answer)
    inside, point = machine.client(), client.surface.point
    asked = [asyncio.create_task(inside.ping(point, "Ext<X>", n, wait=PATIENCE)) for n in range(at_once + 50)]
    await asyncio.wait_for(full.wait(), PATIENCE)
    await client.ping(PROBE, "Ext<Who>")  # what the machine has sent before has arrived
    go_on.set()
    assert [reply.body for reply in await asyncio.gather(*asked)] == list(range(at_once + 50))
    assert most == at_once


async def test_a_client_that_leaves_with_a_wave_unanswered_leaves_it_unknown(machine: Machine, data_dir: Path) -> None:
    async with Client.connect(data_dir) as client:
        begun = asyncio.Event()

        async def never(wave: Any) -> None:
            begun.set()
            await asyncio.get_running_loop().create_future()

        client.on_wave(never)
        asked = asyncio.create_task(machine.client().ping(client.surface.point, "Ext<X>"))
        await begun.wait()
    pong = await asked
    assert (pong.status, pong.outcome) == (503, Outcome.UNKNOWN)


@pytest.mark.thorough
async def test_ten_thousand_pings_at_once_are_all_answered_in_their_order(client: Client) -> None:
    replies = await asyncio.gather(*(client.ping(PROBE, "Ext<Echo>", {"said": number}) for number in range(10_000)))
    assert [reply.body for reply in replies] == list(range(10_000))


async def test_waves_arrive_in_the_order_in_which_they_were_sent(client: Client) -> None:
    pings = [asyncio.create_task(client.ping(PROBE, "Ext<Run>")) for _ in range(2000)]
    assert [(await ping).body for ping in pings] == list(range(1, 2001))


async def test_a_wave_that_nobody_answers_ends_with_408(client: Client) -> None:
    pong = await client.ping(PROBE, "Ext<Hold>", wait=0.1)
    assert (pong.status, pong.outcome) == (408, Outcome.UNKNOWN)


async def test_an_answer_larger_than_a_lane_carries_is_an_error(client: Client) -> None:
    assert len((await client.ping(PROBE, "Ext<Big>", {"size": 3_000_000}, wait=30)).body) == 3_000_000
    with pytest.raises(HandlerFailed, match="a lane carries"):
        await client.ask(PROBE, "Ext<Big>", {"size": 20_000_000}, wait=30)


async def test_sessions_keep_their_working_point(client: Client) -> None:
    """H7: the command line of a client."""
    session = await client.open_session("localhost")
    assert [r.status for r in await session.exec("create .:inner<Base>; create .:inner:deep<Base>")] == [200, 200]
    moved = await session.exec("create .:other<Base>", working="localhost:inner")
    assert moved[0].body["point"] == "localhost:inner:other"
    assert (await session.exec("create .:third<Base>"))[0].body["point"] == "localhost:inner:third"


async def test_nobody_else_uses_a_clients_session(client: Client, machine: Machine, data_dir: Path) -> None:
    session = await client.open_session()
    topic = str(session.surface.topic)
    async with Client.connect(data_dir) as other:
        theirs = await other.ping(session.surface.point, "Ext<Exec>", {"text": "get localhost"}, topic=topic)
    inside = await machine.client().ping(session.surface.point, "Ext<Exec>", {"text": "get localhost"}, topic=topic)
    assert theirs.status == inside.status == 403
    assert (await machine.client().ping(session.surface.point, "Ext<NewCliSession>")).status == 403
    gone = await client.ping(session.surface.point, "Ext<Exec>", {"text": ""}, topic="Topic<Uuid>(none)")
    assert gone.status == 404


async def test_nobody_listens_where_no_machine_runs(tmp_path: Path) -> None:
    with pytest.raises(NoMachine, match="no machine runs on"):
        await Client.connect(tmp_path)
    for address, key in (f"unix://{tmp_path}/none", "k" * 43), (f"ipc://{tmp_path}/none", "a" * 40):
        with pytest.raises(NoMachine):
            await Client.connect(address=address, server_key=key, timeout=1.0, token="x")


async def test_a_machine_of_another_name_is_not_taken(machine: Machine, data_dir: Path) -> None:
    with pytest.raises(NoMachine, match="running: local"):
        await Client.connect(data_dir, machine="locl")


async def test_closing_twice_and_using_it_afterwards(machine: Machine, data_dir: Path) -> None:
    client = await Client.connect(data_dir)
    pending = asyncio.create_task(client.ping(PROBE, "Ext<Hold>"))
    await client.ping(PROBE, "Ext<Runs>")
    await client.close()
    await client.close()
    assert ((await pending).status, (await pending).outcome) == (503, Outcome.UNKNOWN)
    after = await client.ping(PROBE, "Ext<Runs>")
    assert (after.status, after.outcome) == (503, Outcome.REJECTED)


async def test_a_client_inside_the_machine_has_the_same_methods(machine: Machine) -> None:
    async with machine.client() as inside:
        assert await inside.ask(PROBE, "Ext<Echo>", {"said": 4}, expect=int) == 4
        assert (await inside.exec(f"ping {PROBE}"))[0].ok
        assert (await inside.status())["machine"] == "local"
    anonymous = machine.client("hyperspace:users:anonymous")
    assert (await anonymous.ping(PROBE, "Ext<Echo>", 1)).status == 404


async def test_the_wrong_token_is_refused(machine: Machine, data_dir: Path) -> None:
    for token in ("", "wrong", "x" * 10_000):
        with pytest.raises(Unauthorized) as found:
            await Client.connect(data_dir, token=token)
        assert not token or token not in str(found.value)
