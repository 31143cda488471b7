"""Machines on a transport that proves no keys: the policy says which machine somebody is, else 401."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cluster import cluster_kinds
from hyperverse_core.config import Choice, Config, Control
from hyperverse_core.contracts.lane import Identity, Peer
from hyperverse_core.contracts.policy import Credentials
from hyperverse_core.errors import Unauthorized
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.lanes.local.transport import LocalHub, LocalTransport
from hyperverse_core.protocol.codec import encode_ping
from hyperverse_core.protocol.envelope import Envelope, Hello, Refused, decode_lane, encode_lane
from hyperverse_core.protocol.frames import PROTOCOL
from hyperverse_core.testing import MemoryRegistry
from hyperverse_core.testing.lane_kit.recorder import Recorder
from hyperverse_core.universe.address.point import GLOBAL_EXECUTOR, HYPERUSER, ROOT
from hyperverse_core.universe.waves.wave import Method, Ping
from hyperverse_grants.policy import GrantsPolicy
from patience import PATIENCE


class Keyless(LocalTransport):
    """A transport of a third party that has no keys."""

    proves_peers = False

    def new_identity(self) -> Identity:
        return Identity()


class Forgetful(Keyless):
    """Says that it proves keys, and has none."""

    proves_peers = True


class PolicyWithSecret(GrantsPolicy):
    """Takes one secret from every machine."""

    asked: list[str] = []

    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        self.asked.append(name)
        if credentials.token != "the secret":
            raise Unauthorized(f"machine {name!r} does not show the secret of this Hyperverse")


class World:
    """Machines that share a registry and a network without keys."""

    def __init__(self, stack: AsyncExitStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        self.registry = MemoryRegistry()
        self.hub = LocalHub()

    async def start(
        self, name: str, *, credentials: str = "", policy: Any = None, transport: type[LocalTransport] = Keyless
    ) -> Machine:
        lanes = Choice("local", {"machine_credentials": credentials} if credentials else {})
        machine = Machine(
            Config(name=name, data_dir=self._directory, lanes=lanes, control=Control(enabled=False)),
            plugins=(cluster_kinds,),
            registry=self.registry,
            transport=transport(hub=self.hub, machine=name),
            policy=policy,
        )
        return await self._stack.enter_async_context(machine)


@pytest.fixture
async def keyless(tmp_path: Path, hyperverse_leaks: None) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        world = World(stack, tmp_path)
        await world.registry.open()
        stack.push_async_callback(world.registry.close)
        yield world


async def connected(keyless: World, machine: Machine, hello: Hello) -> tuple[LocalTransport, Peer, Recorder]:
    """Somebody without a key connects to a machine and says hello."""
    transport, hears = Keyless(hub=keyless.hub), Recorder(PATIENCE)
    peer = await transport.connect(machine.parts.board.address, hears)
    transport.send(peer, encode_lane(hello))
    return transport, peer, hears


def forged(machine: Machine) -> bytes:
    """An envelope with a command in the name of the hyperuser."""
    star, now = machine.parts.home, asyncio.get_running_loop().time()
    command = {"text": "delete localhost:precious"}
    wave = Ping(GLOBAL_EXECUTOR, Method.parse("Cmd<RawCommand>"), command, sender=ROOT, agent=HYPERUSER)
    wave.id, wave.deadline = "forged", now + 5.0
    payload = msgspec.Raw(encode_ping(wave, now))
    return encode_lane(Envelope(star.text, 8, 7, "STAR::machine:stranger[0]", 3, (), payload))


@pytest.mark.parametrize("transport", [Keyless, Forgetful])
async def test_a_stranger_without_a_key_is_refused_and_its_envelope_does_nothing(
    keyless: World, transport: type[LocalTransport]
) -> None:
    machine = await keyless.start("first", transport=transport)
    await machine.client().exec("create localhost<Space>; create localhost:precious<Tally>")
    stranger, peer, hears = await connected(keyless, machine, Hello(PROTOCOL, "stranger", "0", "central"))
    stranger.send(peer, forged(machine))
    await hears.have_down(peer)
    said = [decode_lane(frame) for frame in hears.frames()]
    assert [type(frame) for frame in said] == [Refused]
    assert isinstance(said[0], Refused) and said[0].status == 401
    assert (await machine.client().ping("localhost:precious", "Ext<Add>")).ok
    stranger.abort()


async def test_machines_whose_credentials_the_policy_takes_talk(keyless: World) -> None:
    first = await keyless.start("first", credentials="the secret", policy=PolicyWithSecret())
    second = await keyless.start("second", credentials="the secret", policy=PolicyWithSecret())
    for here, there in ((first, second), (second, first)):
        pong = await here.client().ping(there.parts.home.point, "Cmd<Bounce>", wait=PATIENCE, retries=100)
        assert pong.ok, pong.error
        assert pong.remote


async def test_wrong_credentials_are_a_401(keyless: World) -> None:
    machine = await keyless.start("first", credentials="the secret", policy=PolicyWithSecret())
    hello = Hello(PROTOCOL, "second", "0", "central", credentials="a guess")
    stranger, peer, hears = await connected(keyless, machine, hello)
    stranger.send(peer, forged(machine))
    await hears.have_down(peer)
    said = decode_lane(hears.frames()[0])
    assert isinstance(said, Refused)
    assert (said.status, len(hears.frames())) == (401, 1)
    assert "second" in said.error and "a guess" not in said.error
    stranger.abort()


async def test_frames_that_come_before_the_policy_has_answered_are_dropped(keyless: World) -> None:
    decided = asyncio.Event()

    class Slow(PolicyWithSecret):
        async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
            await decided.wait()

    machine = await keyless.start("first", credentials="the secret", policy=Slow())
    await machine.client().exec("create localhost<Space>; create localhost:precious<Tally>")
    guest, peer, hears = await connected(keyless, machine, Hello(PROTOCOL, "second", "0", "central", credentials="x"))
    guest.send(peer, forged(machine))
    await asyncio.sleep(0.05)
    assert not hears.frames()
    decided.set()
    await hears.have(1)
    assert isinstance(decode_lane(hears.frames()[0]), Hello)
    assert (await machine.client().ping("localhost:precious", "Ext<Add>")).ok
    guest.abort()


async def test_a_policy_that_fails_lets_nobody_in(keyless: World, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(PolicyWithSecret):
        async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
            raise ValueError("a bug")

    machine = await keyless.start("first", credentials="the secret", policy=Broken())
    guest, peer, hears = await connected(keyless, machine, Hello(PROTOCOL, "second", "0", "central", credentials="x"))
    await hears.have_down(peer)
    said = decode_lane(hears.frames()[0])
    assert isinstance(said, Refused) and said.status == 503
    guest.abort()


async def test_a_machine_that_cannot_prove_itself_as_listener_gets_no_waves(keyless: World) -> None:
    """The machine that connects checks the credentials of the one that answers, too."""
    first = await keyless.start("first", credentials="the secret", policy=PolicyWithSecret())
    second = await keyless.start("second", credentials="a guess", policy=PolicyWithSecret())
    pong = await first.client().ping(second.parts.home.point, "Cmd<Bounce>", wait=2.0, retries=20)
    assert not pong.ok
    assert "secret" in " ".join(first.parts.board.peers.causes().values())


def test_credentials_are_not_in_what_is_logged() -> None:
    assert "the secret" not in repr(Hello(PROTOCOL, "first", "0", "central", credentials="the secret"))
