"""Users with a token and bad intentions, ten every day and fifty in CI (5 s of the processor): nothing passes, and each
refusal is in the audit log once."""

from __future__ import annotations

import asyncio
import gc
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.conftest import RawClient
from gateway.talk import PROBE, ask
from hyperverse_core import Client, Machine, Point
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.data_dir.audit.files import AuditPlace
from hyperverse_core.data_dir.audit.reading import rows_of
from hyperverse_core.protocol.codec import encode_ping, encode_pong
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import PROTOCOL, HelloFrame, PongFrame, WelcomeFrame
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_core.universe.waves.method import Method
from hyperverse_core.universe.waves.wave import Ping, Pong
from hyperverse_stream.transport import StreamTransport
from patience import PATIENCE, budget, until
from thoroughness import THOROUGH

MIB = 1024 * 1024
VAULT = "localhost:vault"
OF_HYPERUSER = "c-hyper-1"
"""The id of a wave of somebody else, which has been answered."""


async def crowd(machine: Machine, users: int) -> list[str]:
    """Tokens of that many users. Each may send to the probe, and see that there is a vault."""
    said = [f"create {VAULT}<Probe>"]
    for number in range(users):
        user = f"hyperspace:users:u{number}"
        said.append(
            f"create {user}<User>; grant perm +csd-rwX on {PROBE} to {user}; grant perm +cSd-rwx on localhost to {user}"
        )
        await machine.registry.add_token(TokenRecord(token_digest(f"t{number}"), Point.parse(user), "a test"))
    for script in said:
        await machine.client().exec(script)
    return [f"t{number}" for number in range(users)]


def _nested(depth: int) -> bytes:
    """A frame of a Ping with a body of that many lists within one another."""
    frame = encode_frame(ask(20, body=b"here"))
    return frame.replace(msgspec.msgpack.encode(b"here"), b"\x91" * depth + b"\xc0")


def harmful(number: int) -> list[tuple[str, bytes, frozenset[int]]]:
    """Frames that are answered, each with the id of its wave and the statuses that are right."""
    mine = f"c-test-{number}"

    def wave(name: str, **changes: Any) -> tuple[str, bytes]:
        return f"{mine}-{name}", encode_frame(ask(1, id=f"{mine}-{name}", wait=PATIENCE, **changes))

    return [
        (*wave("hyp", to="<<STAR::machine:local[0]>>::star", method="Hyp<Init>"), frozenset({403})),
        (*wave("vault", to=VAULT), frozenset({403})),
        (*wave("stop", to="GLOBAL::machine", method="Ext<Stop>"), frozenset({403})),
        (*wave("header", headers={"a": "b" * MIB}), frozenset({413})),
        (*wave("headers", headers={f"k{n}": "v" * 100 for n in range(10_000)}), frozenset({413})),
        (*wave("path", path="/" + "x" * MIB), frozenset({413})),
        (
            *wave("text", to="GLOBAL::executor", method="Cmd<Command>", body={"text": f"delete {VAULT} dry-run"}),
            frozenset({403, 404}),
        ),
        (OF_HYPERUSER, encode_frame(ask(1, id=OF_HYPERUSER, to=VAULT, retries=3)), frozenset({403})),
    ]


def fatal() -> list[bytes]:
    """Frames that end a connection, or that nobody answers."""
    forged = Ping(
        Point.parse(VAULT), Method.parse("Ext<Run>"), sender=HYPERUSER, agent=HYPERUSER, deadline=9.0, id="m-1"
    )
    return [
        encode_ping(forged, 0.0),
        _nested(100_000),
        encode_frame(HelloFrame(PROTOCOL, "another", "0")),
        b"\xc1" * 1000,
    ]


class Eve(RawClient):
    """One hostile user, over a socket of its own."""

    async def come_in(self, machine: Machine, token: str) -> str:
        """Returns the agent that the machine takes it for."""
        await self.connect(machine)
        self.send(encode_frame(HelloFrame(PROTOCOL, token, "0")))
        welcome = await self.hear()
        assert isinstance(welcome, WelcomeFrame), welcome
        return welcome.agent

    async def answer(self, wave: str) -> PongFrame:
        while True:
            said = await self.hear()
            assert said is not None, f"the connection has ended before {wave} was answered"
            if getattr(said, "id", "") == wave:
                return said  # type: ignore[no-any-return]


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def attack(machine: Machine, number: int, token: str) -> None:
    eve = Eve(StreamTransport())
    try:
        assert await eve.come_in(machine, token) == f"hyperspace:users:u{number}"
        eve.send(encode_pong(Pong(200, "forged", id=OF_HYPERUSER)))
        for wave, frame, statuses in harmful(number):
            eve.send(frame)
            reply = await eve.answer(wave)
            assert reply.status in statuses, (wave, reply)
        eve.send(encode_frame(ask(1, id=f"c-test-{number}-who")))
        assert (await eve.answer(f"c-test-{number}-who")).body["agent"] == f"hyperspace:users:u{number}"
        for frame in fatal():
            eve.send(frame)
            while await eve.hear() is not None:
                pass
            await eve.come_in(machine, token)
    finally:
        await eve.transport.close()


@pytest.mark.parametrize("users", [1, 50 if THOROUGH else 10])
async def test_hostile_users_get_nothing_and_others_are_served(machine: Machine, data_dir: Path, users: int) -> None:
    tokens = await crowd(machine, users)
    async with Client.connect(data_dir) as honest:
        gc.collect()
        before = resident()
        first = await honest.ping(VAULT, "Ext<Run>", retries=3)
        assert first.body == 1
        attacks = [asyncio.ensure_future(attack(machine, n, token)) for n, token in enumerate(tokens)]
        everything = asyncio.gather(*attacks)
        while not everything.done():
            began = time.perf_counter()
            assert (await honest.ping(PROBE, "Ext<Runs>")).ok
            assert time.perf_counter() - began < budget(5.0), "less than the usual lease"
            await asyncio.sleep(0.01)
        await everything
        gc.collect()
        # Both sides are in this process: on a busy computer each attacker has some frames of 1 MiB on their way.
        assert resident() - before < (150 + 5 * users) * MIB
        assert (await honest.ask(VAULT, "Ext<Runs>")) == 1, "nobody else has run anything there"
    await until(lambda: machine.parts.status.machine()["in_use"]["waves"] == 0, "everything to have ended")
    place = AuditPlace.of(machine.data_dir, machine.name, machine.config.audit.directory)
    denied = Counter((row["agent"], row["action"], row["target"]) for row in rows_of(place) if row["event"] == "denied")
    for number in range(users):
        user = f"hyperspace:users:u{number}"
        for action, target in (("Ext<Who>", VAULT), ("Ext<Stop>", "GLOBAL::machine")):
            assert denied[(user, action, target)] == 1, denied
