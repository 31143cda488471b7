"""The verbs of a client, over a socket and inside of the process: the same calls, answers and errors."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hyperverse_core import Client, Config, Machine, Point
from hyperverse_core.client.api import ClientApi
from hyperverse_core.errors import BadRequest, Conflict, NotFound, ParseError, Unavailable

pytestmark = pytest.mark.thorough


@pytest.fixture(params=["outside", "inside"])
async def any_client(request: pytest.FixtureRequest, machine: Machine, data_dir: Any) -> AsyncIterator[ClientApi]:
    if request.param == "inside":
        async with machine.client() as inside:
            yield inside
    else:
        async with Client.connect(data_dir) as outside:
            yield outside


async def test_particles_are_created_read_changed_and_deleted(any_client: ClientApi) -> None:
    client = any_client
    assert await client.create("localhost:bed-%", "Base") == Point.parse("localhost:bed-1")
    app = await client.create("localhost:app", "Probe", {"title": 'It\'s "mine", a; b'})
    assert await client.get(app, ["title"]) == {"title": 'It\'s "mine", a; b'}
    await client.set(app, {"title": "ours", "subtitle": "x"})
    assert await client.set("localhost:app", {"subtitle": None})
    assert await client.get(app, []) == {"title": "ours"}
    assert [row["point"] async for row in client.select("localhost:app")] == ["localhost:app"]
    rows = await client.select("localhost:*")
    assert [row["point"] for row in rows] == ["localhost:app", "localhost:bed-1", "localhost:probe"]
    assert [row["point"] for row in await client.delete("localhost:*<Base>")] == ["localhost:bed-1"]
    assert [row["point"] for row in await client.delete(app)] == ["localhost:app"]


async def test_what_goes_wrong_is_raised(any_client: ClientApi) -> None:
    client = any_client
    with pytest.raises(Conflict, match="'localhost:probe' already"):
        await client.create("localhost:probe", "Probe")
    assert await client.create("localhost:probe", "Probe", strategy="create?") == Point.parse("localhost:probe")
    with pytest.raises(NotFound, match="no Kind named 'Prob'"):
        await client.create("localhost:x", "Prob")
    with pytest.raises(NotFound, match="nothing matches"):
        await client.delete("localhost:nothing:*")
    with pytest.raises(NotFound, match="did you mean 'localhost:probe'"):
        await client.get("localhost:prob")
    with pytest.raises(ParseError):
        await client.create("localhost:a b", "Base")
    with pytest.raises(ParseError):
        await client.create("localhost:a", "Base>; delete localhost:*")


async def test_exec_raises_the_first_failure_and_names_the_command(any_client: ClientApi) -> None:
    script = "create localhost:a<Base>; create localhost:a<Base>; create localhost:b<Base>"
    with pytest.raises(Conflict, match="'localhost:a' already") as caught:
        await any_client.exec(script)
    assert caught.value.__notes__ == ["in: create localhost:a<Base>"]
    assert [r.status for r in await any_client.exec(script, check=False, keep_going=True)] == [409, 409, 200]
    with pytest.raises(BadRequest, match="did you mean 'create'") as misspelt:
        await any_client.exec("creat localhost:c<Base>")
    assert misspelt.value.__notes__[-1].endswith("^")


async def test_a_particle_is_described(any_client: ClientApi) -> None:
    found = await any_client.describe("localhost:probe")
    assert (found["point"], found["kind"]) == ("localhost:probe", "Probe")
    with pytest.raises(NotFound):
        await any_client.describe("localhost:nobody")


async def test_a_particle_is_moved_with_its_state(any_client: ClientApi) -> None:
    client = any_client
    assert await client.ask("localhost:probe", "Ext<Run>") == 1
    stars = [row["star"] for row in await client.stars() if "Probe" in (row.get("kinds") or ["Probe"])]
    with pytest.raises(BadRequest, match=r"cannot host 'localhost:probe'"):
        await client.move("localhost:probe", "STAR::elsewhere:fold[0]")
    with pytest.raises(NotFound):
        await client.move("localhost:prob", stars[0])
    here = (await client.ping("localhost:probe", "Ext<Runs>")).star
    await client.move("localhost:probe", here)  # it is there: nothing to do
    assert await client.ask("localhost:probe", "Ext<Runs>") == 1


_PROBE = "localhost:probe"
_WRONG: dict[str, tuple[str, Any]] = {
    "create point": ("point", lambda c: c.create(5, "Base")),
    "create point None": ("point", lambda c: c.create(None, "Base")),
    "create kind": ("kind", lambda c: c.create("localhost:a", 5)),
    "create kind class": ("kind", lambda c: c.create("localhost:a", Machine)),
    "create properties": ("properties", lambda c: c.create("localhost:a", "Base", ["title"])),
    "create property value": ("title", lambda c: c.create("localhost:a", "Base", {"title": 5})),
    "create property key": ("Title", lambda c: c.create("localhost:a", "Base", {"Title": "x"})),
    "create strategy": ("strategy", lambda c: c.create("localhost:a", "Base", strategy="ensure")),
    "create wait": ("wait", lambda c: c.create("localhost:a", "Base", wait="soon")),
    "delete": ("selector", lambda c: c.delete(None)),
    "get": ("point", lambda c: c.get(["localhost:a"])),
    "get keys": ("keys", lambda c: c.get(_PROBE, "title")),
    "get keys of numbers": ("keys", lambda c: c.get(_PROBE, [1])),
    "set target": ("target", lambda c: c.set(5, {"a": "b"})),
    "set properties": ("properties", lambda c: c.set(_PROBE, "title=x")),
    "set nothing": ("properties", lambda c: c.set(_PROBE, {})),
    "set lock": ("lock", lambda c: c.set(_PROBE, {"a": "b"}, lock="yes")),
    "select": ("selector", lambda c: c.select(5)),
    "describe": ("point", lambda c: c.describe(5)),
    "move point": ("point", lambda c: c.move(5, "STAR::central:fold[0]")),
    "move star": ("star", lambda c: c.move(_PROBE, 5)),
    "exec text": ("text", lambda c: c.exec(["create"])),
    "exec check": ("check", lambda c: c.exec("get localhost", check=1)),
    "exec keep_going": ("keep_going", lambda c: c.exec("get localhost", keep_going="yes")),
    "exec working": ("working", lambda c: c.exec("get localhost", working=5)),
    "exec files": ("files", lambda c: c.exec("get localhost", files=["a"])),
    "exec wait": ("wait", lambda c: c.exec("get localhost", wait="long")),
    "ping to": ("to", lambda c: c.ping(5, "Ext<Who>")),
    "ping method": ("method", lambda c: c.ping(_PROBE, 5)),
    "ping path": ("path", lambda c: c.ping(_PROBE, "Ext<Who>", path=5)),
    "ping headers": ("headers", lambda c: c.ping(_PROBE, "Ext<Who>", headers=5)),
    "ping wait": ("wait", lambda c: c.ping(_PROBE, "Ext<Who>", wait=-1)),
    "ping retries": ("retries", lambda c: c.ping(_PROBE, "Ext<Who>", retries="3")),
    "ping fewer retries": ("retries", lambda c: c.ping(_PROBE, "Ext<Who>", retries=-3)),
    "ping priority": ("priority", lambda c: c.ping(_PROBE, "Ext<Who>", priority=9)),
    "ping topic": ("topic", lambda c: c.ping(_PROBE, "Ext<Who>", topic=5)),
    "ping unknown": ("retires", lambda c: c.ping(_PROBE, "Ext<Who>", retires=5)),
    "ping body": ("body", lambda c: c.ping(_PROBE, "Ext<Echo>", {"said": object()})),
    "ripple to": ("to", lambda c: c.ripple(5, "Ext<Who>")),
    "ripple count": ("count", lambda c: c.ripple([_PROBE], "Ext<Who>", count="1")),
}


@pytest.mark.parametrize("case", _WRONG)
async def test_a_wrong_argument_is_a_bad_request_that_names_it(any_client: ClientApi, case: str) -> None:
    named, call = _WRONG[case]
    if case == "ping body" and not isinstance(any_client, Client):
        return  # within a process a body may be any object
    with pytest.raises(BadRequest) as caught:
        said = call(any_client)
        if inspect.isawaitable(said):
            await said
    assert named in caught.value.message
    assert caught.value.hint or caught.value.message


async def test_a_client_is_awaited_entered_or_both(machine: Machine, data_dir: Any) -> None:
    client = await Client.connect(data_dir)
    async with client as same:
        assert same is client and client.connected
    assert not client.connected
    async with await Client.connect(data_dir) as both:
        assert both.connected
    connecting = Client.connect(data_dir)
    awaited = await connecting
    async with connecting as entered:
        assert entered is awaited  # it has connected once
    assert not awaited.connected


async def test_a_client_that_is_made_the_wrong_way_says_how(machine: Machine, data_dir: Any) -> None:
    with pytest.raises(BadRequest, match=r"Client\.connect"):
        Client()
    with pytest.raises(AttributeError, match="before it is awaited"):
        Client.connect(data_dir).ask  # type: ignore[attr-defined]  # on purpose  # noqa: B018
    with pytest.raises(BadRequest, match="async with"), Client.connect(data_dir):  # type: ignore[attr-defined]  # on purpose
        pass


async def test_a_machine_that_was_not_started_says_so(config: Config) -> None:
    machine = Machine(config)
    for use in (machine.client, lambda: machine.registry, machine.wait_stopped, machine.request_stop):
        with pytest.raises(Unavailable, match=r"machine 'local' was not started\n  hint: write `async with Machine"):
            said = use()
            if inspect.isawaitable(said):
                await said
    await machine.stop()  # nothing to stop


async def test_tables_are_for_notebooks_and_escape_what_they_show(any_client: ClientApi) -> None:
    await any_client.create("localhost:app", "Probe", {"title": "<script>"})
    assert "<td>&lt;script&gt;</td>" in (await any_client.get("localhost:app", []))._repr_html_()
    assert "<th>point</th>" in (await any_client.select("localhost:*"))._repr_html_()
    assert "<td>409</td>" in (await any_client.exec("create localhost:app<Probe>", check=False))._repr_html_()
    assert "<td>machine</td>" in (await any_client.status())._repr_html_()
    assert "moves" in (await any_client.rebalance())._repr_html_()
