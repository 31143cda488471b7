"""A client that sends what nobody should: cut, changed and made-up frames. Nothing passes, nothing crashes, and an
honest client beside it is answered."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from pathlib import Path
from typing import Any

from gateway.talk import PROBE, ask
from hyperverse_core import Client, Machine
from hyperverse_core.errors import HyperverseError, ProtocolError
from hyperverse_core.protocol.codec import decode, encode_pong, wave_of_client
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import (
    PROTOCOL,
    ClientPingFrame,
    ClientRippleFrame,
    ClientSignalFrame,
    HelloFrame,
    WelcomeFrame,
)
from hyperverse_core.universe.address.point import ROOT
from hyperverse_core.universe.waves.origin import Ids, Origin
from hyperverse_core.universe.waves.wave import Pong, Priority
from patience import PATIENCE, until
from thoroughness import THOROUGH, examples

MIB = 1024 * 1024
SEED = 20261127
NAMES = ("Ext<Who>", "Hyp<Init>", "Cmd<Update>", "Cmd<Bounce>", "", "<", "Ext<" + "A" * 500 + ">")
POINTS = (
    "localhost:probe",
    "GLOBAL::machine",
    "<<STAR::machine:local[0]>>::star",
    "",
    ":" * 50,
    "localhost:\0",
    "é" * 99,
)
BODIES = (None, 1, "x", b"\xc7\x0c\xff" * 3, [], {}, {"a": [{}] * 9}, {"": None}, 2**63, float("nan"))


def made_up(chance: random.Random) -> bytes:
    """A frame of a client with values that nobody expects there."""
    common: dict[str, Any] = {
        "id": chance.choice(("c-1", "c-2", "c-" + "9" * 80, "", "s-1", "c-\n")),
        "method": chance.choice(NAMES),
        "body": chance.choice(BODIES),
        "path": chance.choice(("/", "", "a" * 3000, "/\0", "/../..")),
        "headers": chance.choice((None, {}, {"a": "b"}, {"\n": "\x1b[2J"}, {"x" * 900: ""})),
        "wait": chance.choice((0.05, 0.0, -1.0, 1e308, float("inf"), float("nan"))),
        "priority": chance.choice(tuple(Priority)),
        "topic": chance.choice(("", "x", "\n" * 9)),
    }
    kind = chance.randrange(4)
    if kind == 0:
        to = [chance.choice(("points", "selector", "watchers", "stars", "", "x")), *chance.choices(POINTS, k=3)]
        return encode_frame(ClientRippleFrame(to=to, count=chance.choice((None, 0, 1, -5, 2**40)), **common))
    common["to"] = chance.choice(POINTS)
    if kind == 1:
        return encode_frame(ClientSignalFrame(**common))
    retries = chance.choice((0, 1, -1, 2**31))
    return encode_frame(ClientPingFrame(retries=retries, **common))


def hostile(chance: random.Random) -> bytes:
    """A frame: made up, cut off, changed in some bytes, twice itself, or noise."""
    frame, how = made_up(chance), chance.randrange(6)
    if how == 1:
        return frame[: chance.randrange(len(frame))]
    if how == 2:
        changed = bytearray(frame)
        for _ in range(chance.randrange(1, 6)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed)
    if how == 3:
        return frame + frame
    if how == 4:
        return chance.randbytes(chance.randrange(200))
    return frame


def test_whatever_comes_is_read_or_refused() -> None:
    """5,000 every day, 100,000 in CI; 0.2 ms each."""
    chance, origin = random.Random(SEED), Origin(ROOT, ROOT, "", Ids("t-"), lambda: 0.0)
    taken = 0
    for number in range(100_000 if THOROUGH else 5_000):
        frame = hostile(chance)
        try:
            message = decode(frame, 0.0, weighed_later=True)
        except ProtocolError:
            continue
        if not isinstance(message, ClientPingFrame | ClientSignalFrame | ClientRippleFrame):
            continue
        try:
            wave = wave_of_client(message, origin, 60.0)
        except HyperverseError:
            continue
        taken += 1
        assert (wave.sender, wave.agent) == (ROOT, ROOT), (number, frame)
    assert taken  # else nothing of it was tried


def _kept() -> int:
    """Bytes that were set aside since tracing began and are still held."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def test_an_honest_client_is_answered_beside_a_hostile_one(
    machine: Machine, raw: Any, client: Client, data_dir: Path
) -> None:
    """100 frames every day, 400 in CI; a connection is made again after each frame that has ended it."""
    chance = random.Random(SEED)
    await client.ping(PROBE, "Ext<Runs>")
    gc.collect()
    tracemalloc.start()
    try:
        welcome = await raw.say_hello(machine)
        for _ in range(examples(400)):
            raw.send(hostile(chance))
            raw.send(encode_frame(ask(7)))
            if not await answered(raw):
                welcome = await raw.say_hello(machine)
            async with asyncio.timeout(PATIENCE):
                assert (await client.ping(PROBE, "Ext<Runs>")).ok
        assert isinstance(welcome, WelcomeFrame)
        # What is still under way, on a busy computer, is given back when it has ended.
        await until(lambda: _kept() < 30 * MIB, "the memory to be given back")
    finally:
        tracemalloc.stop()
    await until(lambda: machine.parts.status.machine()["in_use"]["waves"] == 0, "everything to have ended")


async def answered(raw: Any) -> bool:
    """Whether the harmless wave behind a hostile frame is answered; False when the connection has ended."""
    while True:
        said = await raw.hear()
        if said is None:
            return False
        if getattr(said, "id", "") == "c-test-7":
            assert said.body["agent"] == "hyperspace:users:hyperuser"
            assert said.body["sender"].startswith("<<STAR::machine:local[0]>>::star:controls")
            return True


async def test_a_reply_that_nobody_asked_for_reaches_nobody(
    machine: Machine, raw: Any, client: Client, events: dict[str, asyncio.Event]
) -> None:
    """Not even when it has the id of a wave that another client waits for."""
    await raw.say_hello(machine)
    held = asyncio.ensure_future(client.ping(PROBE, "Ext<Run>", {"gate": "later"}))
    await until(lambda: machine.parts.status.machine()["in_use"]["waves"] == 1, "the wave to be under way")
    for number in range(50):
        raw.send(encode_pong(Pong(200, "forged", id=f"c-{number}")))
    raw.send(encode_frame(ask(7)))
    assert await answered(raw)
    assert not held.done()
    events.setdefault("later", asyncio.Event()).set()
    assert (await held).body == 1


async def test_a_frame_that_is_forbidden_and_wrong_besides_is_answered_and_so_is_the_next(
    machine: Machine, raw: Any
) -> None:
    """What was read with it, in one message, was lost."""
    await raw.say_hello(machine)
    fields: dict[str, Any] = {"body": None, "path": "/", "headers": None, "wait": 1.0, "count": None, "topic": ""}
    frame = ClientRippleFrame(id="c-1", to=["nonsense"], method="Hyp<Init>", priority=Priority.MED, **fields)
    raw.send(encode_frame(frame))
    raw.send(encode_frame(ask(7)))
    said = await raw.hear()
    assert (said.id, said.status) == ("c-1", 403)
    assert await answered(raw)


async def test_a_second_hello_ends_the_connection(machine: Machine, raw: Any, client: Client) -> None:
    await raw.say_hello(machine)
    raw.send(encode_frame(HelloFrame(PROTOCOL, "another", "0")))
    assert (await raw.hear()).status == 502
    assert (await client.ping(PROBE, "Ext<Runs>")).ok
