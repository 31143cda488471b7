"""The gate, faced with clients that do not behave."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.talk import PROBE, ask, points, refused, still_serves
from hyperverse_core import Client, Machine, Observer, Outcome
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.data_dir.tokens import read_token
from hyperverse_core.errors import TooLarge, Unauthorized
from hyperverse_core.protocol.codec import encode_ping
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import PROTOCOL, ClientRippleFrame, HelloFrame
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.waves.wave import Method, Ping, Priority
from hyperverse_stream.transport import StreamTransport
from patience import PATIENCE

# -- who may come in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_without_a_known_token_there_is_a_401(raw: Any, machine: Machine, token: str, caplog: Any) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(HelloFrame(PROTOCOL, token, "0")))
    await refused(raw, 401)
    assert not any(live.startswith(f"{machine.parts.home.point}:controls") for live in points(machine))


async def test_no_wave_comes_in_before_the_greet(raw: Any, machine: Machine, data_dir: Path) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(ask()))
    said = await refused(raw, 502)
    assert "hello" in said.error
    await still_serves(data_dir)


async def test_a_wave_right_behind_the_hello_is_too_early(raw: Any, machine: Machine) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(HelloFrame(PROTOCOL, read_token(machine.data_dir, {}), "0")))
    raw.send(encode_frame(ask()))
    await refused(raw, 502)


async def test_a_client_of_another_protocol_is_told_so(raw: Any, machine: Machine) -> None:
    """A client with another wire version is refused with a clear text."""
    await raw.connect(machine)
    raw.send(encode_frame(HelloFrame(PROTOCOL + 1, "x", "0")))
    said = await refused(raw, 502)
    assert "machine 'local'" in said.error and "speaks 1; the client (version 0) speaks 2" in said.error
    assert said.hint == "upgrade machine 'local'"


async def test_the_machine_must_prove_its_key(machine: Machine, data_dir: Path) -> None:
    with pytest.raises(Unauthorized):
        await Client.connect(data_dir, server_key=StreamTransport().new_identity().public, timeout=PATIENCE)


async def test_another_token_brings_another_agent(machine: Machine, data_dir: Path) -> None:
    less = Point.parse("localhost:users:less")
    await machine.client().exec("create localhost:users<UserBase<OAuth>>; create localhost:users:less<User>")
    await machine.registry.add_token(TokenRecord(token_digest("of-less"), less, "less"))
    async with Client.connect(data_dir, token="of-less") as client:
        assert client.agent == less
        pong = await client.ping(PROBE, "Ext<Who>")
        assert pong.status == 404
        stopping = await client.ping("GLOBAL::machine", "Ext<Stop>")
        assert stopping.status == 403


# -- forging -----------------------------------------------------------------------------------------------


async def test_what_a_client_writes_behind_its_frame_is_not_read(raw: Any, machine: Machine) -> None:
    """Forged from and agent by a client."""
    greet = await raw.say_hello(machine)
    fields = msgspec.msgpack.decode(encode_frame(ask()))
    forged = [*fields, "localhost:victim", "hyperspace:users:somebody", ["localhost"], "Full"]
    raw.send(msgspec.msgpack.encode(forged))
    reply = await raw.hear()
    assert reply.body["agent"] == "hyperspace:users:hyperuser"
    assert reply.body["sender"] + "@Core" == greet.surface
    assert reply.body["chain"] == [] and reply.body["scope"] is None


async def test_a_client_cannot_send_as_a_machine_does(raw: Any, machine: Machine, data_dir: Path) -> None:
    """Forged from and agent by a client: what a machine would send is refused."""
    await raw.say_hello(machine)
    forged = Ping(
        Point.parse(PROBE),
        Method.parse("Ext<Who>"),
        sender=Point.parse("<<STAR::central:nexus[0]>>::star"),
        agent=Point.parse("<<STAR::central:nexus[0]>>::star"),
    )
    raw.send(encode_ping(forged, 0.0))
    said = await refused(raw, 502)
    assert "does not send a Ping" in said.error
    await still_serves(data_dir)


@pytest.mark.parametrize(
    ("to", "method"),
    [
        (PROBE, "Hyp<Assign>"),
        ("<<STAR::central:nexus[0]>>::star", "Ext<Anything>"),
        ("<<STAR::central:nexus[0]>>::star", "Hyp<Transport>"),
        ("<<STAR::machine:local[0]>>::star:drivers:space", "Cmd<Read>"),
    ],
)
async def test_what_is_between_stars_a_client_may_not_send(client: Client, to: str, method: str) -> None:
    """Knock as a star by a client: what is between stars is refused."""
    assert (await client.ping(to, method)).status == 403
    assert (await client.signal(to, method)).status == 403
    with pytest.raises(Exception, match=r"only stars may send|a client may not"):
        await client.ripple([to], method)


async def test_an_id_that_is_not_a_clients_is_refused(raw: Any, machine: Machine) -> None:
    await raw.say_hello(machine)
    for wrong in ("1", "", "c-" + "x" * 100, "c-\n"):
        raw.send(encode_frame(ask(id=wrong)))
        assert (await raw.hear()).status == 400
    raw.send(encode_frame(ask(7, method="Ext<Hold>", wait=0.3)))
    raw.send(encode_frame(ask(7)))
    assert [(await raw.hear()).status for _ in range(2)] == [409, 408]


# -- bad frames --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\x00",
        b"\xff" * 50,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\x92\x04\x01",
    ],
)
async def test_garbage_ends_the_connection_and_the_machine_serves_on(
    raw: Any, machine: Machine, data_dir: Path, garbage: bytes, caplog: Any
) -> None:
    await raw.say_hello(machine)
    with caplog.at_level(logging.WARNING, "hyperverse.control"):
        raw.send(garbage)
        await refused(raw, 502)
    assert any("is disconnected" in record.message for record in caplog.records)
    await still_serves(data_dir)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "No Point"},
        {"method": "Ext"},
        {"method": "Cmd<Nothing>"},
        {"wait": 0},
        {"wait": -5},
        {"to": "x" * 1000 + "!"},
    ],
)
async def test_a_wave_that_is_malformed_is_answered_400(raw: Any, machine: Machine, changes: Any) -> None:
    await raw.say_hello(machine)
    raw.send(encode_frame(ask(**changes)))
    assert (await raw.hear()).status == 400
    raw.send(encode_frame(ask(2)))
    assert (await raw.hear()).status == 200


async def test_recipients_that_are_none_are_answered_400(raw: Any, machine: Machine) -> None:
    await raw.say_hello(machine)
    many = ClientRippleFrame("c-1", ["everybody"], "Cmd<Bounce>", None, "/", None, 1.0, None, Priority.MED, "")
    raw.send(encode_frame(many))
    assert (await raw.hear()).status == 400


async def test_a_body_over_the_limit_is_answered_413(client: Client) -> None:
    assert (await client.ping(PROBE, "Ext<Echo>", b"x" * 60_000)).ok
    pong = await client.ping(PROBE, "Ext<Echo>", b"x" * 70_000)
    assert (pong.status, pong.outcome) == (413, Outcome.REJECTED)
    with pytest.raises(TooLarge):
        await client.ask(PROBE, "Ext<Echo>", b"x" * 20_000_000)
    assert (await client.ping(PROBE, "Ext<Runs>")).ok


async def test_more_waves_at_once_than_allowed_are_answered_429(raw: Any, machine: Machine) -> None:
    await raw.say_hello(machine)
    for number in range(600):
        raw.send(encode_frame(ask(number, method="Ext<Hold>", wait=0.5)))
    statuses = [(await raw.hear()).status for _ in range(600)]
    assert statuses.count(429) == 600 - 512 and statuses.count(408) == 512


async def test_observers_hear_what_the_gate_refuses(raw: Any, machine: Machine) -> None:
    refused_: list[tuple[str, int]] = []

    class Heard(Observer):
        def wave_refused(self, wave: Any, reply: Any) -> None:
            refused_.append((wave.method.text, reply.status))

    machine.parts.interceptors.add(Heard())
    await raw.say_hello(machine)
    star = "<<STAR::machine:local[0]>>::star"
    for number, changes in enumerate(
        ({"to": star}, {"method": "Hyp<Search>"}, {"method": "Ext<Echo>", "body": b"x" * 70_000})
    ):
        raw.send(encode_frame(ask(number, **changes)))
        assert (await raw.hear()).status == refused_[-1][1]
    assert [status for _, status in refused_] == [403, 403, 413]
    for number in range(10, 610):
        raw.send(encode_frame(ask(number, method="Ext<Hold>", wait=0.5)))
    statuses = [(await raw.hear()).status for _ in range(600)]
    assert statuses.count(429) == refused_.count(("Ext<Hold>", 429)) == 600 - 512
