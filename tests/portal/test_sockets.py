"""A WebSocket carries Pings both ways and tells changes, for as long as the token counts and the machine runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from patience import PATIENCE
from portal.bookshop import BODY, World, bookshop
from portal.web import Browser, ask

PUT = {"to": "localhost:books", "method": "Ext<Put>", "body": {"title": "Emma"}}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with bookshop(tmp_path, streams=2) as made:
        yield made


class Client:
    """A client, and what it was told apart from answers."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.told: list[dict[str, Any]] = []

    async def hear(self, key: str = "") -> dict[str, Any]:
        """The next message, or the next one with that key."""
        while True:
            said: dict[str, Any] = json.loads(await asyncio.wait_for(self.connection.recv(), PATIENCE))
            if not key or key in said:
                return said
            self.told.append(said)

    async def ask(self, name: object, **message: Any) -> dict[str, Any]:
        await self.connection.send(json.dumps({"id": name, **message}))
        said = await self.hear("id")
        assert said["id"] == name
        return said


def at(world: World) -> str:
    return world.address.replace("http://", "ws://") + "ws"


def connected(world: World, token: str = "", **headers: str) -> connect:
    shown = {"authorization": f"Bearer {token or world.token}"} if token != "none" else {}
    return connect(at(world), additional_headers={**shown, **headers}, proxy=None)


async def test_a_client_sends_pings_and_watches(world: World) -> None:
    async with connected(world) as connection:
        client = Client(connection)
        assert (await client.hear())["agent"] == "hyperspace:users:hyperuser"
        assert (await client.ask(1, **PUT))["body"] == 1
        assert (await client.ask("two", watch="localhost:books", aspects=["State"]))["status"] == 200
        for number in range(100):  # the machine of the particle hears of the watch in a moment
            assert (await client.ask(number, **PUT))["outcome"] == "ok"
            if client.told:
                break
            await asyncio.sleep(0.05)
        assert client.told[0]["change"]["aspect"] == "State"
        assert (await client.ask(3, unwatch="localhost:books"))["status"] == 200


async def test_the_platform_sends_pings_and_signals_to_a_client(world: World) -> None:
    async with connected(world) as connection:
        client, other = Client(connection), world.machine.client()
        point = (await client.hear("point"))["point"]
        asking = asyncio.ensure_future(other.ping(point, "Ext<Guess>", {"number": 7}))
        ping = await client.hear("ping")
        assert (ping["method"], ping["body"]) == ("Ext<Guess>", {"number": 7})
        await connection.send(json.dumps({"answer": ping["ping"], "status": 418, "body": "higher"}))
        pong = await asking
        assert (pong.status, pong.body) == (418, "higher")
        await other.signal(point, "Ext<Hello>", "there")
        assert (await client.hear("signal"))["signal"]["body"] == "there"


async def test_what_is_wrong_is_said_and_the_socket_stays(world: World) -> None:
    async with connected(world) as connection:
        client = Client(connection)
        await client.hear("point")
        for message in ("{", "[]", '{"to": 1}', "[" * 5000, '{"to": "localhost:books"}', '{"watch": "a<b"}'):
            await connection.send(message)
            assert (await client.hear())["status"] == 400
        caret = await client.ask(1, to="localhost:bo oks", method="Ext<Put>")
        assert caret["status"] == 400 and caret["body"]["caret"].endswith("^")
        assert (await client.ask(2, watch="localhost:books", aspects=["Colour"]))["status"] == 400
        assert (await client.ask(3, watch="localhost:books", aspects=7))["status"] == 400
        assert (await client.ask(4, answer="w1", status="no"))["status"] == 400
        assert (await client.ask(5, **PUT))["status"] == 200
        with pytest.raises(ConnectionClosed) as ended:
            await connection.send("x" * (BODY + 10_000))
            await client.hear("never")
        assert ended.value.rcvd is not None and ended.value.rcvd.code == 1009


async def test_each_client_has_the_rights_of_its_agent(world: World) -> None:
    async with connected(world, world.stranger) as connection:
        client = Client(connection)
        assert (await client.hear())["agent"] == "hyperspace:users:eve"
        assert (await client.ask(1, **PUT))["status"] in (403, 404)
        assert (await client.ask(2, watch="localhost:books"))["status"] in (403, 404)


async def test_strangers_and_pages_of_other_sites_are_not_let_in(world: World) -> None:
    browser = Browser(world.address)
    await browser.ask("POST", "/-/login", f"token={world.token}".encode())
    host = world.address.removeprefix("http://").partition("/")[0]
    refused = [
        (connected(world, "none"), 401),
        (connected(world, "wrong"), 401),
        (connected(world, "none", cookie=browser.cookie, origin="http://evil.example"), 403),
        (connected(world, "none", cookie=browser.cookie, origin="null"), 403),
        (connected(world, "none", origin="http://evil.example"), 403),
        (connect(at(world) + "x", additional_headers={}, proxy=None), 404),
    ]
    for attempt, status in refused:
        with pytest.raises(InvalidStatus) as answer:
            await attempt
        assert answer.value.response.status_code == status
        assert json.loads(answer.value.response.body or b"{}")["error"]
    async with connected(world, "none", cookie=browser.cookie, origin=f"http://{host}") as connection:
        assert (await Client(connection).hear())["agent"] == "hyperspace:users:hyperuser"


async def test_sockets_are_counted_with_the_streams(world: World) -> None:
    async with connected(world), connected(world):
        with pytest.raises(InvalidStatus) as full:
            await connected(world)
        assert full.value.response.status_code == 429


async def test_a_socket_and_a_stream_end_when_the_token_does(world: World) -> None:
    async with connected(world, world.stranger) as connection:
        client = Client(connection)
        await client.hear("point")
        await world.machine.client().exec("delete hyperspace:users:eve")
        assert "end" in await client.hear("end")
        with pytest.raises(ConnectionClosed) as ended:
            await client.hear()
        assert ended.value.rcvd is not None and ended.value.rcvd.code == 1008
    again = await ask(world.address, "GET", "/-/events?point=localhost:books", token=world.stranger)
    assert again.status == 401


async def test_a_socket_ends_at_once_when_the_machine_stops(tmp_path: Path) -> None:
    async with bookshop(tmp_path) as world:
        connection = await connected(world)
        client = Client(connection)
        await client.hear("point")
    assert "is stopping" in (await client.hear("end"))["end"]
    with pytest.raises(ConnectionClosed) as ended:
        await client.hear()
    assert ended.value.rcvd is not None and ended.value.rcvd.code == 1001
    await connection.close()
