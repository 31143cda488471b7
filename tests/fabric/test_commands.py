"""Commands at work, one by one and in scripts."""

from __future__ import annotations

import pytest

from hyperverse_core import Machine
from hyperverse_core.fabric.particles.caller import Caller
from hyperverse_core.universe.address.point import GLOBAL_EXECUTOR


async def run(machine: Machine, text: str, **kwargs):
    return await machine.client().exec(text, **kwargs, check=False)


async def test_every_command_of_particles_does_what_it_says(machine: Machine, world) -> None:
    await world("a<Worker>", "p<Page>")
    one = machine.client().exec
    assert (await one("set localhost:a{ +note=hello }"))[0].body["properties"]["note"] == "hello"
    assert (await one("get localhost:a{ note }"))[0].body == {"note": "hello"}
    assert (await one('ping localhost:a Ext<Add> {"by": 4}'))[0].body == 4
    assert (await one("get localhost:a"))[0].body == {"value": 4, "book": []}
    assert (await one("read localhost:a"))[0].body == {"value": 4, "book": []}
    assert (await one('write localhost:p {"text": "news"}'))[0].ok
    assert (await one("read localhost:p"))[0].body == "news"
    assert (await one('signal localhost:a Ext<Work> {"tag": "s"}'))[0].status == 202
    assert (await one("ping localhost:a"))[0].status == 200
    echoes = (await one("ripple localhost:*<Worker> Ext<Get>"))[0]
    assert (echoes.status, echoes.body) == (
        200,
        [{"point": "localhost:a", "status": 200, "outcome": "ok", "body": 4}],
    )
    assert (await one("select localhost:* into points"))[0].body["items"] == ["localhost:a", "localhost:p"]
    assert [row["kind"] for row in (await one("select localhost:*"))[0].body["items"]] == ["Worker", "Page"]
    assert (await one("delete localhost:*"))[0].body["deleted"]
    assert (await one("select localhost:*"))[0].body == {"items": [], "after": None}


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("ping localhost:nobody", 404, "no particle"),
        ("get localhost:nobody", 404, "no particle"),
        ("get localhost:nobody{ note }", 404, "no particle"),
        ("set localhost:nobody{ +note=x }", 404, "no particle"),
        ("set localhost:a{ +colour=red }", 400, "colour"),
        ("get localhost:a{ colour }", 400, "colour"),
        ("delete localhost:nobody", 404, "nothing matches"),
        ("delete ROOT", 409, "root"),
        ("ping localhost:a Ext<Fail>", 500, "ValueError"),
        ("ping localhost:a Ext<Refuse>", 503, "not today"),
        ("ping localhost:a Hyp<Assign>", 403, "only stars may send"),
        ("nonsense localhost", 400, "unknown command 'nonsense'"),
        ("create localhost", 400, "the text ends"),
        ("ripple localhost:nobody Ext<Get>", 200, ""),
    ],
)
async def test_a_command_that_fails_has_the_status_of_what_went_wrong(
    machine: Machine, world, command: str, status: int, said: str
) -> None:
    await world("a<Worker>")
    result = (await run(machine, command))[0]
    assert (result.status, said in result.error) == (status, True), result


async def test_a_ripple_in_which_somebody_failed_says_so(machine: Machine, world) -> None:
    await world("a<Worker>", "r<Relay>")
    result = (await run(machine, "ripple localhost:* Ext<Get>"))[0]
    assert result.status == 207
    assert {row["point"]: row["status"] for row in result.body} == {"localhost:a": 200, "localhost:r": 404}


async def test_locked_properties_stay(machine: Machine, world) -> None:
    await world("a<Worker>")
    assert (await run(machine, "set localhost:a{ +@note=for-ever }"))[0].ok
    assert (await run(machine, "set localhost:a{ +note=other }"))[0].status == 409
    assert (await run(machine, "set localhost:a{ !note }"))[0].status == 409
    assert (await run(machine, "get localhost:a{ note }"))[0].body == {"note": "for-ever"}


async def test_a_script_stops_at_its_first_failure_and_says_where(machine: Machine, world) -> None:
    await world()
    script = "create localhost:a<Worker>;\n  create localhost:a<Worker>;\ncreate localhost:b<Worker>;"
    results = await run(machine, script)
    assert [(r.status, r.line, r.column) for r in results] == [(200, 1, 1), (409, 2, 3)]
    assert (await run(machine, "ping localhost:b"))[0].status == 404


async def raw(machine: Machine, text: str, **body):
    reply = await machine.client().ask(GLOBAL_EXECUTOR, "Cmd<RawCommand>", {"text": text, **body})
    return reply["results"]


async def test_a_script_can_be_told_to_keep_going(machine: Machine, world) -> None:
    await world()
    script = "create localhost:a<Worker>; create localhost:a<Worker>; create localhost:b<Worker>;"
    assert [r.status for r in await run(machine, script, keep_going=True)] == [200, 409, 200]


async def test_the_executor_runs_a_whole_script_by_itself(machine: Machine, world) -> None:
    await world()
    results = await raw(machine, "create localhost:a<Worker>;\ncreate x:b<Worker>;\ncreate localhost:c<Worker>")
    assert [(r["status"], r["line"], r["column"]) for r in results] == [(200, 1, 1), (404, 2, 1)]
    assert results[0]["command"] == "create localhost:a<Worker>"
    more = await raw(machine, "ping localhost:a Ext<Add>; ping nobody; ping localhost:a Ext<Add>", keep_going=True)
    assert [r["status"] for r in more] == [200, 404, 200]
    assert more[0]["receipt"]["outcome"] == "ok"


async def test_an_error_in_the_middle_of_a_script_has_its_line_and_column(machine: Machine, world) -> None:
    await world()
    for results in (
        [
            {"status": r.status, "line": r.line, "column": r.column}
            for r in await run(machine, "ping localhost;\n\n  pong localhost;\nping localhost;")
        ],
        await raw(machine, "ping localhost;\n\n  pong localhost;\nping localhost;"),
    ):
        assert [r["status"] for r in results] == [200, 400]
        assert (results[1]["line"], results[1]["column"]) == (3, 3)


async def test_comments_are_passed_over(machine: Machine, world) -> None:
    await world()
    results = await run(machine, "# first\nping localhost; # then\n\nping localhost # and last\n")
    assert [r.status for r in results] == [200, 200]


async def test_relative_points_start_from_the_working_point(machine: Machine, world) -> None:
    await world("a<Worker>")
    result = (await run(machine, "ping .:a Ext<Add>", working="localhost"))[0]
    assert (result.status, result.body) == (200, 1)
    assert (await run(machine, "create .:b<Worker>", working="localhost"))[0].body["point"] == "localhost:b"


async def test_select_gives_one_page_after_the_other(machine: Machine, world) -> None:
    await world()
    for number in range(25):
        await machine.parts.provisioner.create(
            f"localhost:w{number:04}", "Worker", {}, "create", Caller(machine.client().agent)
        )
    first = (await raw(machine, "select localhost:* into points"))[0]["body"]
    assert len(first["items"]) == 25
    assert first["after"] is None
    rest = (await raw(machine, "select localhost:* into points", after="localhost:w0019"))[0]["body"]
    assert rest["items"] == [f"localhost:w{number:04}" for number in range(20, 25)]


async def test_a_handler_may_execute_commands(machine: Machine, world) -> None:
    await world("r<Relay>")
    told = await machine.client().ask("localhost:r", "Ext<Execute>", {"command": "create localhost:made<Worker>"})
    assert (told["status"], told["body"]["point"]) == (200, "localhost:made")
    told = await machine.client().ask("localhost:r", "Ext<Execute>", {"command": "nonsense"})
    assert told["status"] == 400


async def test_one_command_can_be_sent_as_a_wave_of_its_own(machine: Machine, world) -> None:
    await world()
    client = machine.client()
    assert (await client.ping(GLOBAL_EXECUTOR, "Cmd<Command>", {"text": "create localhost:a<Worker>"})).status == 200
    reply = await client.ping(GLOBAL_EXECUTOR, "Cmd<Command>", {"text": "create localhost:a<Worker>"})
    assert (reply.status, str(reply.outcome)) == (409, "rejected")
