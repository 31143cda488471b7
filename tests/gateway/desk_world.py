"""A machine with a gateway of a third party, which opens sessions, and a desk to send waves to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import attrs

from hyperverse_core import Config, Driver, KindDef, Machine, Particle, Point, handler, hookimpl
from hyperverse_core.gateway import Gateway, GatewayHost
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.policy import token_digest
from hyperverse_core.registry import Registration, TokenRecord
from hyperverse_core.testing import MemoryRegistry
from hyperverse_core.values import HYPERUSER, Kind
from patience import LEASE

__all__ = ["ANN", "Desk", "OpenGateway", "begun", "desk_of_ann", "make", "sessions"]

ANN = Point.parse("hyperspace:users:ann")


@attrs.define
class Desk(Particle):
    """Says who has come, or never answers."""

    concurrent = True
    count: int = 0

    @handler("Ext<Count>")
    async def counted(self, ctx: Any) -> int:
        """How often it was asked."""
        self.count += 1
        return self.count

    @handler("Ext<Who>")
    async def who(self, ctx: Any) -> str:
        """The agent."""
        return str(ctx.agent)

    @handler("Ext<Wait>")
    async def wait(self, ctx: Any) -> None:
        """Never."""
        await asyncio.Event().wait()

    @handler("Ext<Call>")
    async def call(self, ctx: Any, to: str) -> Any:
        """Asks somebody else."""
        return (await ctx.ping(to, "Ext<Knock>", "who is there?")).unwrap()


class DeskDriver(Driver):
    """Serves the Kind Desk."""

    kind = KindDef("Desk", doc="For tests")
    particle = Desk


class OpenGateway(Gateway):
    """Hands its host out."""

    opened: list[OpenGateway] = []

    async def open(self, host: GatewayHost) -> None:
        self.host = host
        self.address = "somewhere"
        self.opened.append(self)

    async def close(self) -> None:
        self.address = ""


class BrokenGateway(Gateway):
    """Cannot be opened."""

    async def open(self, host: GatewayHost) -> None:
        raise ValueError("no such port")

    async def close(self) -> None:
        """Nothing."""


class Ways:
    """Brings them."""

    @hookimpl
    def hyperverse_register_gateways(self, register: Callable[..., None]) -> None:
        register("open", OpenGateway)
        register("broken", BrokenGateway)

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[..., None]) -> None:
        register(DeskDriver)


def make(directory: Path, **gateways: Any) -> Machine:
    config = Config(data_dir=directory / "data", gateways=gateways, lease=LEASE)
    return Machine(config, plugins=[Ways()], registry=MemoryRegistry(), transport=LocalTransport())


@contextlib.asynccontextmanager
async def desk_of_ann(directory: Path) -> AsyncIterator[Machine]:
    """A machine with a gateway of a third party, a desk that Ann owns, and Ann's token."""
    async with make(directory, open={"colour": "blue"}) as machine:
        await machine.client().exec("create localhost<Space>; create localhost:desk<Desk>")
        await machine.registry.register(Registration(ANN, Kind("User"), HYPERUSER))
        await machine.registry.chown([Point.parse("localhost:desk")], ANN)
        await machine.registry.add_token(TokenRecord(token_digest("anns"), ANN, "ann"))
        yield machine


def sessions() -> Any:
    return OpenGateway.opened[-1].host.sessions


def begun(machine: Machine) -> int:
    """The waves that wait in the desk."""
    desk = machine.parts.homes.at_home(Point.parse("localhost:desk"))
    return desk.running if desk is not None else 0
