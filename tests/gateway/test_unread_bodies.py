"""A body that is larger than a client may send is refused before anything is made of it."""

from __future__ import annotations

import tracemalloc
from typing import Any

import msgspec
import pytest

from gateway.conftest import RawClient
from gateway.talk import ask
from hyperverse_core import Machine
from hyperverse_core.protocol.codec import decode
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import ClientPingFrame, ClientRippleFrame, ClientSignalFrame
from hyperverse_core.protocol.unread_body import without_body
from hyperverse_core.universe.waves.wave import Priority

REST = {"method": "Ext<A>", "path": "/", "headers": None, "wait": 5.0, "priority": Priority.MED, "topic": ""}
FRAMES: tuple[Any, ...] = (
    ClientPingFrame(id="c-1", to="localhost", body=["x" * 5000], retries=0, **REST),
    ClientSignalFrame(id="c-1", to="localhost", body=["x" * 5000], **REST),
    ClientRippleFrame(id="c-1", to=["selector", "localhost:*"], body=["x" * 5000], count=None, **REST),
)


@pytest.mark.parametrize("sent", FRAMES, ids=["ping", "signal", "ripple"])
def test_of_each_wave_everything_but_the_body_is_read(sent: Any) -> None:
    frame = encode_frame(sent)
    body = len(msgspec.msgpack.encode(sent.body))
    assert without_body(frame, body) == (frame, 0)
    rest, size = without_body(frame, body - 1)
    assert size == body
    read = decode(rest, 0.0)
    assert msgspec.structs.asdict(read) == {**msgspec.structs.asdict(sent), "body": None}


@pytest.mark.parametrize("frame", [b"", b"\xc1" * 9, b"\x93\x04", b"\x91" * 5000, msgspec.msgpack.encode([9] * 9)])
def test_what_is_no_frame_of_a_wave_is_left_as_it_is(frame: bytes) -> None:
    assert without_body(frame, 0) == (frame, 0)


def test_nothing_is_made_of_such_a_body() -> None:
    """Sixteen million empty lists would take a gigabyte, and the loop for more than a second."""
    head, tail = encode_frame(FRAMES[0]).split(msgspec.msgpack.encode(FRAMES[0].body))
    many = 1_000_000
    frame = head + b"\xdd" + many.to_bytes(4) + b"\x90" * many + tail
    tracemalloc.start()
    try:
        _, size = without_body(frame, 1000)
        assert size == many + 5
        assert tracemalloc.get_traced_memory()[1] < 3 * len(frame)
    finally:
        tracemalloc.stop()


async def test_a_client_hears_413_of_its_very_wave_and_goes_on(raw: RawClient, machine: Machine) -> None:
    await raw.say_hello(machine)
    raw.send(encode_frame(ask(7, body=["x" * (machine.config.limits.body + 1)])))
    reply = await raw.hear()
    assert (reply.id, reply.status) == ("c-test-7", 413)
    assert f"; {machine.config.limits.body} are allowed" in reply.error
    raw.send(encode_frame(ask(8, to="GLOBAL::machine", method="Cmd<Bounce>")))
    assert (await raw.hear()).ok
