"""GatewayWorld: a machine, its gateway, outside agents, and a particle that they ask."""

from __future__ import annotations

import abc
import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import Any

from ...contracts.driver import Ctx, Driver, Particle, handler
from ...contracts.gateway import Gateway, GatewayHost, Session, Sessions
from ...contracts.policy import Credentials
from ...contracts.registry import Registration, Strategy, TokenRecord
from ...contracts.tokens import token_digest
from ...errors import HyperverseError
from ...fabric.machine import Machine
from ...hookspecs import hookimpl
from ...universe.address.point import HYPERUSER, Point
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kinds.kind import Kind
from ...universe.waves.wave import Pong

__all__ = ["ALICE", "BOB", "TARGET", "GatewayConnection", "GatewayWorld", "WorldPlugin"]

TARGET = "localhost:target"
ALICE = Point.parse("hyperspace:users:alice")
"""Owns the target."""
BOB = Point.parse("hyperspace:users:bob")
"""Is known, and may do nothing with the target."""
_PAUSE = 0.01


class GatewayConnection(abc.ABC):
    """A connection of an outside agent, by the protocol of the gateway. The author of a gateway writes a subclass.

    Several calls of :meth:`ping` may run at once.
    """

    @abc.abstractmethod
    async def ping(self, point: str, method: str, body: Any = None) -> Pong:
        """Makes the gateway send a Ping, and returns its answer: a Pong with status and body.

        Args:
            point: the target.
            method: the method.
            body: the body; always None when ``carries_bodies`` is False.

        Raises:
            HyperverseError: the gateway has refused the agent.
            ConnectionError, EOFError: the gateway has ended the connection.
        """

    async def received(self) -> tuple[str, Any]:
        """Waits for the next wave that was sent to the point of the session, and returns its method and its body.
        Needed when ``receives`` is True."""
        raise NotImplementedError("write `received`, or set `receives = False` in the test class")

    @abc.abstractmethod
    async def close(self) -> None:
        """Disconnects without waiting for calls in progress. May be called twice."""


class _Target(Particle):
    """Counts the waves that it receives, and delays its answer or sends a Signal on request."""

    concurrent = True
    heard = 0
    held = 0

    @handler("Ext<Who>")
    async def who(self, ctx: Ctx) -> str:
        """Answers the agent."""
        type(self).heard += 1
        return ctx.wave.agent.text

    @handler("Ext<Take>")
    async def take(self, ctx: Ctx, whole_body: Any = None) -> None:
        """Takes anything."""
        type(self).heard += 1

    @handler("Ext<Hold>")
    async def hold(self, ctx: Ctx) -> str:
        """Answers when the test says so."""
        type(self).held += 1
        await type(self).opened().wait()
        return "released"

    @handler("Ext<Call>")
    async def call(self, ctx: Ctx) -> None:
        """Sends a Signal to whoever asks."""
        await ctx.signal(ctx.wave.sender, "Ext<Knock>", "who is there?")

    @classmethod
    def opened(cls) -> asyncio.Event:
        """What ``Ext<Hold>`` waits for; each test has its own."""
        raise NotImplementedError


class WorldPlugin:
    """Registers the Kind of the target, and a gateway that gives tests its host.

    Attributes:
        host: the host of the machine, once that runs.
        target: class of the target, which counts.
        release: makes ``Ext<Hold>`` answer.
    """

    host: GatewayHost

    def __init__(self) -> None:
        self.release = release = asyncio.Event()

        class Target(_Target):
            @classmethod
            def opened(cls) -> asyncio.Event:
                return release

        self.target: type[_Target] = Target

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Registers the Kind."""

        class TargetDriver(Driver):
            kind = KindDef("GatewayKitTarget", doc="is asked by agents outside")
            particle = self.target

        register(TargetDriver)

    @hookimpl
    def hyperverse_register_gateways(self, register: Callable[..., None]) -> None:
        """Registers the gateway."""
        plugin = self

        class HandsOut(Gateway):
            async def open(self, host: GatewayHost) -> None:
                plugin.host = host

            async def close(self) -> None:
                """Has nothing open."""

        register("gateway-kit", HandsOut)


class _SeenSessions(Sessions):
    """Opens sessions, and remembers them."""

    def __init__(self, real: Sessions) -> None:
        self._real = real
        self.opened: list[Session] = []

    async def open(self, credentials: Credentials, **options: Any) -> Session:
        session = await self._real.open(credentials, **options)
        self.opened.append(session)
        return session


class GatewayWorld:
    """A machine whose target Alice may use and Bob may not, and gateways that are opened in it.

    Args:
        machine: the machine; it runs.
        plugin: has its host and its target.
        make: makes a gateway.
        connect: connects to one.
        patience: seconds that anything may take that is expected to happen.

    Attributes:
        sessions: every session that a gateway has opened, also those that have ended.
    """

    def __init__(
        self,
        machine: Machine,
        plugin: WorldPlugin,
        make: Callable[[str], Gateway],
        connect: Callable[[str, str], Awaitable[GatewayConnection]],
        patience: float,
    ) -> None:
        self.patience = patience
        self.machine = machine
        self._plugin = plugin
        self._make = make
        self._connect = connect
        seen = _SeenSessions(plugin.host.sessions)
        self.host = copy.copy(plugin.host)
        self.host.sessions = seen
        self.sessions = seen.opened
        self._gateways: list[Gateway] = []
        self._connections: list[GatewayConnection] = []

    async def prepare(self) -> None:
        """Makes the target, and Alice and Bob, whose tokens are their names."""
        await self.machine.client().exec(
            f"create localhost<Space>; create {TARGET}<GatewayKitTarget>; create? hyperspace<Space>"
        )
        registry = self.machine.registry
        users = Registration(Point.parse("hyperspace:users"), Kind("UserBase"), HYPERUSER, strategy=Strategy.ENSURE)
        await registry.register(users)
        for agent in (ALICE, BOB):
            await registry.register(Registration(agent, Kind("User"), HYPERUSER))
            name = agent.text.rpartition(":")[2]
            await registry.add_token(TokenRecord(token_digest(name), agent, name))
        await registry.chown([Point.parse(TARGET)], ALICE)

    async def revoke(self, token: str) -> None:
        """Revokes a token."""
        await self.machine.registry.revoke_token(token_digest(token))

    def made(self, address: str = "") -> Gateway:
        """Returns a gateway that was not opened. It is closed at the end.

        Args:
            address: the address to listen on; empty for any.
        """
        gateway = self._make(address)
        self._gateways.append(gateway)
        return gateway

    async def opened(self) -> Gateway:
        """Returns an open gateway."""
        gateway = self.made()
        await gateway.open(self.host)
        assert gateway.address, "an open gateway says in `address` where agents connect, and it is empty"
        return gateway

    async def connected(self, token: str, gateway: Gateway | None = None) -> GatewayConnection:
        """Connects to a gateway, to a new one if none is given."""
        address = (await self.opened() if gateway is None else gateway).address
        return await self.connected_to(address, token)

    async def connected_to(self, address: str, token: str) -> GatewayConnection:
        """Connects to the listener at that address."""
        async with asyncio.timeout(self.patience):
            connection = await self._connect(address, token)
        self._connections.append(connection)
        return connection

    async def refusal(self, address: str, token: str) -> str:
        """Connects and asks who it is. Returns how that was refused; empty when it was not."""
        try:
            return await self.refused(await self.connected_to(address, token))
        except (HyperverseError, OSError, EOFError) as exc:
            return self._said(exc)

    async def refused(self, connection: GatewayConnection) -> str:
        """Asks who it is. Returns how that was refused; empty when it was not."""
        try:
            async with asyncio.timeout(self.patience):
                reply = await connection.ping(TARGET, "Ext<Who>")
        except (HyperverseError, OSError, EOFError) as exc:
            return self._said(exc)
        return "" if reply.status < 400 else str(reply.status)

    @property
    def heard(self) -> int:
        """How many waves the target has answered."""
        return self._plugin.target.heard

    @property
    def held(self) -> int:
        """How many waves have begun to wait in the target."""
        return self._plugin.target.held

    def release(self) -> None:
        """Makes the target answer the waves that wait there."""
        self._plugin.release.set()

    def left(self) -> list[str]:
        """The points of the sessions that have not ended."""
        return [session.point.text for session in self.sessions if not session.over]

    async def until(self, true: Callable[[], bool], expected: str) -> None:
        """Waits until ``true`` returns True. Fails with ``expected`` when that does not happen."""
        try:
            async with asyncio.timeout(self.patience):
                while not true():  # noqa: ASYNC110 - nobody tells a test
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            raise AssertionError(f"{expected}, and that did not happen within {self.patience:g} s") from None

    async def close(self) -> None:
        """Ends everything but the machine."""
        self.release()
        for connection in self._connections:
            await connection.close()
        for gateway in self._gateways:
            await gateway.close()

    def _said(self, exc: BaseException) -> str:
        if isinstance(exc, TimeoutError):
            raise AssertionError(f"the gateway must answer every agent, and said nothing for {self.patience:g} s")
        return str(exc.status) if isinstance(exc, HyperverseError) else f"the connection was ended: {exc!r}"
