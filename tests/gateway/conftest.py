"""Machines with a gate for clients over real sockets, and a Kind to send waves to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import Client, Config, Machine, Observer, Particle, PropertiesConfig, PropertyDef, hookimpl
from hyperverse_core.config import Limits
from hyperverse_core.contracts.driver import Ctx, Driver, handler
from hyperverse_core.data_dir.tokens import read_token
from hyperverse_core.protocol.codec import decode
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import PROTOCOL, HelloFrame, WelcomeFrame
from hyperverse_core.universe.kind_defs.kind_def import KindDef
from hyperverse_stream.transport import StreamTransport
from patience import LEASE, PATIENCE

StartMachine = Callable[..., Awaitable[Machine]]


@attrs.define
class Probe(Particle):
    """Says what it has been sent."""

    concurrent = True
    runs: int = 0

    @handler("Ext<Who>")
    async def who(self, ctx: Ctx, anything: Any = None) -> dict[str, Any]:
        """Who has sent this, as the fabric says."""
        wave = ctx.wave
        return {
            "sender": wave.sender.text,
            "agent": wave.agent.text,
            "chain": list(wave.chain),
            "scope": None if wave.scope is None else str(wave.scope),
            "topic": wave.topic,
            "hops": wave.hops,
        }

    @handler("Ext<Echo>")
    async def echo(self, ctx: Ctx, said: Any = None) -> Any:
        """Answers what it was sent."""
        return said

    @handler("Ext<Big>")
    async def big(self, ctx: Ctx, size: int) -> bytes:
        """Answers that many bytes."""
        return b"x" * size

    @handler("Ext<Hold>")
    async def hold(self, ctx: Ctx) -> None:
        """Does not answer."""
        self.runs += 1
        await asyncio.get_running_loop().create_future()

    @handler("Ext<Run>")
    async def run(self, ctx: Ctx, gate: str = "") -> int:
        """Counts; waits for the event of that name first."""
        self.runs += 1
        if gate:
            await EVENTS.setdefault(gate, asyncio.Event()).wait()
        return self.runs

    @handler("Ext<Runs>")
    async def count(self, ctx: Ctx) -> int:
        """How often Run and Hold have begun."""
        return self.runs


EVENTS: dict[str, asyncio.Event] = {}


class ProbeDriver(Driver):
    kind = KindDef(
        "Probe",
        doc="says what it has been sent",
        properties=PropertiesConfig((PropertyDef("title"), PropertyDef("subtitle"))),
    )
    particle = Probe


class Watch(Observer):
    """Lets a test wait for what happens in a machine."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    def lane_up(self, peer: str) -> None:
        self._tell("up", peer)

    def lane_down(self, peer: str, reason: str) -> None:
        self._tell("down", peer)

    def handler_ends(self, wave: Any, end: Any, begun: Any) -> None:
        if end.ran:
            self._tell("delivered", wave.method.text)

    def _tell(self, what: str, who: str) -> None:
        self.seen.append((what, who))
        self._news.set()

    async def until(self, what: str, who: str = "", *, times: int = 1) -> None:
        """Returns when it has happened that often."""
        async with asyncio.timeout(PATIENCE):
            while sum(1 for event, name in self.seen if event == what and who in name) < times:
                self._news.clear()
                await self._news.wait()


class ProbePlugin:
    """Brings the Kind Probe, and an observer."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(ProbeDriver)

    @hookimpl
    def hyperverse_register_observers(self, register: Callable[[Observer], None]) -> None:
        register(self._watch)


@pytest.fixture
def events() -> dict[str, asyncio.Event]:
    """Events by name, that ``Ext<Run>`` waits for."""
    EVENTS.clear()
    return EVENTS


@pytest.fixture
async def watch() -> Watch:
    return Watch()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def config(data_dir: Path) -> Config:
    """Small limits, so that tests reach them."""
    limits = Limits(client_waves=512, body=64 * 1024)
    return Config(data_dir=data_dir, limits=limits, lease=LEASE)


@pytest.fixture
async def start_machine(config: Config, watch: Watch, hyperverse_leaks: None) -> AsyncIterator[StartMachine]:
    """Starts a machine; stops all at the end."""
    async with AsyncExitStack() as stack:

        async def start(changed: Config | None = None, transport: Any = None) -> Machine:
            machine = Machine(changed or config, plugins=[ProbePlugin(watch)], transport=transport)
            await stack.enter_async_context(machine)
            return machine

        yield start


@pytest.fixture
async def machine(start_machine: StartMachine) -> Machine:
    """A machine with ``localhost:probe<Probe>``."""
    machine = await start_machine()
    await machine.client().exec("create localhost<Space>; create localhost:probe<Probe>")
    return machine


@pytest.fixture
async def client(machine: Machine, data_dir: Path) -> AsyncIterator[Client]:
    """A client of it, over a socket, with the owner's token."""
    async with Client.connect(data_dir) as client:
        yield client


class RawClient:
    """A peer that sends what it likes, frame by frame."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.peer: Any = None
        self.heard: asyncio.Queue[Any] = asyncio.Queue()

    def lane_up(self, peer: Any) -> None: ...

    def lane_frames(self, peer: Any, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self.heard.put_nowait(decode(frame, 0.0))

    def lane_down(self, peer: Any, reason: str) -> None:
        self.heard.put_nowait(None)

    async def connect(self, machine: Machine) -> None:
        self.peer = await self.transport.connect(machine.control.address, self, server_key=machine.control.server_key)

    async def say_hello(self, machine: Machine) -> WelcomeFrame:
        """Connects and comes in as the owner."""
        await self.connect(machine)
        self.send(encode_frame(HelloFrame(PROTOCOL, read_token(machine.data_dir, {}), "0")))
        welcome = await self.hear()
        assert isinstance(welcome, WelcomeFrame)
        return welcome

    def send(self, frame: bytes) -> None:
        self.transport.send(self.peer, frame)

    async def hear(self) -> Any:
        """The next thing that the machine says; None when the connection has ended."""
        return await asyncio.wait_for(self.heard.get(), PATIENCE)


@pytest.fixture
async def raw(hyperverse_leaks: None) -> AsyncIterator[RawClient]:
    raw = RawClient(StreamTransport())
    yield raw
    await raw.transport.close()
