"""Particles for tests: those that answer, and those that never do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from ..contracts.driver import Ctx, Driver, Particle, handler
from ..fabric.delivery.local_sender import LocalSender
from ..hookspecs import hookimpl
from ..universe.address.point import Point
from ..universe.kind_defs.kind_def import KindDef
from ..universe.waves.wave import Body, Method, Pong

if TYPE_CHECKING:
    from ..fabric.machine import Machine

__all__ = ["Constellation", "EchoParticle", "Handle", "SilentParticle", "TestKinds"]

_SPACE = "localhost"
_MUTE = "mute"


class EchoParticle(Particle):
    """Answers every Ext with the body that it was sent."""

    concurrent = True

    @handler("Ext<*>")
    async def answer(self, ctx: Ctx, body: Any = None) -> Any:
        """The body."""
        return body


class SilentParticle(Particle):
    """Accepts every Ext and never answers."""

    concurrent = True

    @handler("Ext<*>")
    async def listen(self, ctx: Ctx, body: Any = None) -> None:
        """Waits until nobody waits for the answer any more."""
        await asyncio.get_running_loop().create_future()


class EchoDriver(Driver):
    """Serves the Kind EchoParticle."""

    kind = KindDef("EchoParticle", doc="Answers with what it was sent (for tests)")
    particle = EchoParticle


class SilentDriver(Driver):
    """Serves the Kind SilentParticle."""

    kind = KindDef("SilentParticle", doc="Never answers (for tests)")
    particle = SilentParticle


class TestKinds:
    """The plugin with the Kinds of this module; pass it to a Machine."""

    __test__ = False

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """EchoParticle and SilentParticle."""
        register(EchoDriver)
        register(SilentDriver)


@attrs.frozen
class Handle:
    """A particle that a test controls.

    Attributes:
        point: its address.
        machine: the machine through which it sends.
    """

    point: Point
    machine: Machine

    async def ping(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        wait: float = 2.0,
        retries: int = 0,
    ) -> Any:
        """Sends a Ping as this particle, and returns the body of the answer.

        Args:
            to: the recipient.
            method: a Method or its text.
            body: what the handler gets.
            path: the path, for Http methods and binds.
            wait: seconds to wait for the answer.
            retries: how often the Ping is sent again after 408, 421 or 503.

        Raises:
            HyperverseError: the error that the status of the answer stands for.
        """
        return (await self.send(to, method, body, path=path, wait=wait, retries=retries)).unwrap()

    async def send(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        wait: float = 2.0,
        retries: int = 0,
    ) -> Pong:
        """As :meth:`ping`, with the same arguments, but returns the reply, even a failure.

        The arguments are ``to``, ``method``, ``body``, ``path``, ``wait`` and ``retries``.
        """
        sender = LocalSender(self.machine.parts.outbound, sender=self.point, agent=self.point)
        return await sender.ping(to, method, body, path=path, wait=wait, retries=retries)


class Constellation:
    """Makes particles: ``echo, mute = await constellation("echo", "mute")``.

    A name that begins with ``mute`` gives a particle that never answers, any other one that answers every Ext
    with the body that it was sent; ``"hits<Counter>"`` gives one of another Kind. All are in ``localhost``.

    Args:
        machine: the machine that creates them; it must have :class:`TestKinds`, like that of the fixture ``machine``.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    async def __call__(self, *names: str) -> list[Handle]:
        """Creates one particle for each name; existing particles stay as they are."""
        client = self.machine.client()
        commands = [f"create? {_SPACE}<Space>"]
        handles = []
        for text in names:
            name, _, kind = text.removesuffix(">").partition("<")
            kind = kind or ("SilentParticle" if name.startswith(_MUTE) else "EchoParticle")
            handles.append(Handle(Point.parse(f"{_SPACE}:{name}"), self.machine))
            commands.append(f"create? {_SPACE}:{name}<{kind}>")
        for command in commands:
            await client.exec(command)
        return handles
