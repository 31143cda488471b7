"""Several servers, and servers that refuse or permit too little: a machine finds the one that takes it, or says why."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import nats
import pytest

from hyperverse_core.contracts.lane import Endpoint, Peer
from hyperverse_core.errors import HyperverseError, Unauthorized, Unavailable
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_core.transport import SecretKey
from hyperverse_nats.introduction import PROBE
from hyperverse_nats.transport import NatsTransport
from nats_server import NatsServer
from patience import PATIENCE, until

AWAY = "nats://127.0.0.1:1"
Servers = Callable[..., NatsServer]


class _Nobody:
    def lane_up(self, peer: Peer) -> None: ...
    def lane_frames(self, peer: Peer, frames: object) -> None: ...
    def lane_down(self, peer: Peer, reason: str) -> None: ...


async def prove_it_works(servers: list[str], **settings: Any) -> None:
    """Two transports with these settings connect and say something to each other."""
    harness = Harness(partial(NatsTransport, {"servers": servers} | settings), lambda: "", PATIENCE)
    try:
        await (await harness.pair()).prove_it_works()
    finally:
        harness.end()


async def refusal(**settings: Any) -> HyperverseError:
    """The error of a transport with these settings that is to listen."""
    transport = NatsTransport(settings)
    try:
        with pytest.raises(HyperverseError) as caught:
            await transport.open(Endpoint("stars", "", transport.new_identity()), _Nobody())
    finally:
        await transport.close()
    return caught.value


@asynccontextmanager
async def a_full_server(servers: Servers) -> AsyncIterator[NatsServer]:
    """A server that takes no further client."""
    server = servers("max_connections: 1\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"CONNECT {}\r\nPING\r\n")
    await reader.readuntil(b"PONG\r\n")
    yield server
    writer.close()


async def test_a_server_that_is_frozen_full_or_away_keeps_nobody_from_the_next(nats_server: Servers) -> None:
    good, frozen = nats_server(), nats_server()
    frozen.send(signal.SIGSTOP)
    async with a_full_server(nats_server) as full:
        for _ in range(4):  # the order is random
            await prove_it_works([AWAY, frozen.url, full.url, good.url], connect_timeout=1.0)


async def test_a_server_that_takes_nobody_else_says_so(nats_server: Servers) -> None:
    async with a_full_server(nats_server) as full:
        error = await refusal(servers=full.url)
        assert isinstance(error, Unavailable)
        assert f"127.0.0.1:{full.port}" in error.message
        assert "maximum connections exceeded" in error.message


async def test_each_of_several_servers_is_named_with_its_own_fault(nats_server: Servers) -> None:
    strict = nats_server("authorization { user: me, password: hush }\n")
    error = await refusal(servers=[AWAY, strict.url.replace("://", "://me:hush2@")])
    assert isinstance(error, Unauthorized), "who rejects us does so tomorrow too"
    assert f"127.0.0.1:{strict.port} rejects" in error.message
    assert "answers at 127.0.0.1:1" in error.message
    assert "hush" not in str(error)


async def test_each_server_gets_the_user_and_password_of_its_own_url(nats_server: Servers) -> None:
    urls = []
    for user in ("one", "two"):
        server = nats_server(f'authorization {{ user: {user}, password: "{user}-secret" }}\n')
        urls.append(server.url.replace("://", f"://{user}:{user}-secret@"))
    for url in urls:
        for _ in range(4):  # the order is random
            transport = NatsTransport({"servers": [url, *urls]})
            await transport.open(Endpoint("stars", "", transport.new_identity()), _Nobody())
            await transport.close()


@pytest.mark.parametrize("way", ["publish", "subscribe"])
@pytest.mark.parametrize("part", ["here", "in", "listen"])
async def test_a_right_that_is_missing_for_one_of_our_subjects_is_named_at_the_start(
    way: str, part: str, nats_server: Servers
) -> None:
    rights = f'permissions: {{ {way}: {{ deny: ["ours.{part}.>"] }} }}'
    server = nats_server(f"authorization {{ users = [{{ user: u, password: p, {rights} }}] }}\n")
    error = await refusal(servers=server.url.replace("://", "://u:p@"), prefix="ours")
    assert isinstance(error, Unauthorized)
    assert f'"ours.{part}.' in error.message
    assert "ours.>" in error.hint


async def test_what_the_server_denied_earlier_keeps_no_later_endpoint_closed(nats_server: Servers) -> None:
    rights = 'permissions: { subscribe: { deny: ["ours.listen.not-here"] } }'
    server = nats_server(f"authorization {{ users = [{{ user: u, password: p, {rights} }}] }}\n")
    transport = NatsTransport({"servers": server.url.replace("://", "://u:p@"), "prefix": "ours"})
    try:
        for address, permitted in (("one", True), ("not-here", False), ("two", True)):
            opening = transport.open(Endpoint("stars", f"nats:{address}", transport.new_identity()), _Nobody())
            if permitted:
                assert await opening == f"nats:{address}"
                continue
            with pytest.raises(Unauthorized, match=f'"ours.listen.{address}"'):
                await opening
    finally:
        await transport.close()


async def test_a_stranger_who_wants_an_answer_where_we_may_not_send_keeps_no_endpoint_closed(
    nats_server: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    rights = 'permissions: { publish: { deny: "ours.in.private.>" }, subscribe: { deny: "ours.listen.not-here" } }'
    users = f"[{{ user: u, password: p, {rights} }}, {{ user: stranger, password: p }}]"
    server = nats_server(f"authorization {{ users = {users} }}\n")
    stranger = await nats.connect(server.url.replace("://", "://stranger:p@"))
    transport = NatsTransport({"servers": server.url.replace("://", "://u:p@"), "prefix": "ours"})
    try:
        await transport.open(Endpoint("stars", "nats:one", transport.new_identity()), _Nobody())
        answers = await stranger.subscribe("ours.in.free.x")
        for reply in (*20 * ["private"], "free"):
            await stranger.publish("ours.listen.one", PROBE + SecretKey().public, reply=f"ours.in.{reply}.x")
        await answers.next_msg(PATIENCE)
        await until(lambda: "refuses what this machine needs" in caplog.text, "the refusal in the log")
        await transport.open(Endpoint("stars", "nats:two", transport.new_identity()), _Nobody())
        with pytest.raises(Unauthorized, match="not-here"):
            await transport.open(Endpoint("stars", "nats:not-here", transport.new_identity()), _Nobody())
    finally:
        await transport.close()
        await stranger.close()


async def test_rights_that_are_taken_away_later_are_logged_once(
    nats_server: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    users = 'authorization {{ users = [{{ user: u, password: p, permissions: {{ publish: {{ deny: ["{}"] }} }} }}] }}\n'
    server = nats_server(users.format("other"))
    harness = Harness(partial(NatsTransport, {"servers": server.url.replace("://", "://u:p@")}), lambda: "", PATIENCE)
    try:
        pair = await harness.pair()
        (server.folder / "nats.conf").write_text(users.format("hyperverse.here.>"))
        server.send(signal.SIGHUP)
        await pair.near_hears.have_down(pair.peer)
        said = [record.getMessage() for record in caplog.records if "refuses what" in record.getMessage()]
        assert 1 <= len(said) <= 2, "once for each of the two machines"
        assert "hyperverse.here." in said[0]
    finally:
        harness.end()


async def test_a_server_whose_messages_are_too_small_for_a_handshake_is_refused(nats_server: Servers) -> None:
    error = await refusal(servers=nats_server("max_payload: 1023\n").url)
    assert "at most 1023 bytes" in error.message
    assert "max_payload" in error.hint
    assert "1024" in error.hint


async def test_why_a_server_ends_a_connection_is_told(nats_server: Servers, caplog: pytest.LogCaptureFixture) -> None:
    error = await refusal(servers=nats_server("max_subscriptions: 1\n").url)
    assert "maximum subscriptions exceeded" in error.message
    harness = Harness(
        partial(NatsTransport, {"servers": nats_server("max_subscriptions: 2\n").url}), lambda: "", PATIENCE
    )
    try:
        far = await harness.transport()
        endpoint = Endpoint("stars", "", far.new_identity())
        address = await far.open(endpoint, harness.recorder())
        near = await harness.transport()
        with suppress(HyperverseError):  # either side may be the first to need one more
            await near.connect(address, harness.recorder(), server_key=endpoint.identity.public)
        await until(lambda: "is lost: nats: maximum subscriptions exceeded" in caplog.text, "the cause in the log")
    finally:
        harness.end()


@pytest.mark.parametrize("listens", [False, True], ids=["nobody", "another program"])
async def test_a_server_that_is_away_at_the_start_is_named_with_the_cure(listens: bool) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(mute, "127.0.0.1", 0) if listens else None
    port = listening.sockets[0].getsockname()[1] if listening else 1
    transport = NatsTransport({"servers": f"nats://me:hush@127.0.0.1:{port}", "connect_timeout": 1.0})
    try:
        with pytest.raises(Unavailable) as caught:
            await transport.open(Endpoint("stars", "", transport.new_identity()), _Nobody())
        assert f"127.0.0.1:{port}" in str(caught.value)
        assert "hush" not in str(caught.value)
        assert "servers" in caught.value.hint
    finally:
        transport.abort()
        if listening is not None:
            listening.close()


async def test_a_server_that_asks_for_credentials_says_so_and_takes_the_right_ones(nats_server: Servers) -> None:
    server = nats_server('authorization { user: me, password: "p@ss/w:rd" }\n')
    at = server.url.removeprefix("nats://")
    for url in (server.url, f"nats://me:wrong@{at}"):
        transport = NatsTransport({"servers": url})
        with pytest.raises(Unauthorized) as caught:
            await transport.connect("nats:x", _Nobody(), server_key=transport.new_identity().public)
        assert "credentials" in caught.value.hint
        assert "wrong" not in str(caught.value)
        await transport.close()
    harness = Harness(partial(NatsTransport, {"servers": f"nats://me:p%40ss%2Fw%3Ard@{at}"}), lambda: "", PATIENCE)
    try:
        await (await harness.pair()).prove_it_works()
    finally:
        harness.end()


async def test_machines_that_name_different_servers_are_told_what_to_look_at(
    nats_url: str, nats_server: Servers
) -> None:
    one, other = NatsTransport({"servers": nats_url}), NatsTransport({"servers": nats_server().url})
    identity = one.new_identity()
    address = await one.open(Endpoint("stars", "", identity), _Nobody())
    try:
        with pytest.raises(Unavailable) as caught:
            await other.connect(address, _Nobody(), server_key=identity.public)
        assert "same NATS servers" in caught.value.hint
        # The message names it, because the status of a machine has no hints.
        assert urlsplit(other.settings["servers"]).netloc in caught.value.message
    finally:
        await asyncio.gather(one.close(), other.close())
