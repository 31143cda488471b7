"""The common part of the tests of the kit: the declarations of a subclass about its gateway, and the fixture
``world``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest_asyncio

from ...config import Config, Control, Limits
from ...contracts.gateway import Gateway
from ...contracts.lane import LaneTransport
from ...fabric.machine import Machine
from ...lanes.local.transport import LocalTransport
from ..memory_registry import MemoryRegistry
from .world import GatewayConnection, GatewayWorld, WorldPlugin

__all__ = ["BODY", "WAVES", "GatewayKitBase"]

WAVES = 8
"""Maximum number of waves of a session in progress at once."""
BODY = 64 * 1024
"""Maximum size in bytes of a body that a session may send."""


class GatewayKitBase:
    """How a gateway is made, and how an agent outside talks to it; see ``GatewayConformance``."""

    receives: ClassVar[bool] = True
    many_waves: ClassVar[bool] = True
    carries_bodies: ClassVar[bool] = True
    lane_endpoints: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    def make(self, address: str = "") -> Gateway:
        """Returns a new gateway, which is not open.

        Args:
            address: the address to listen on; empty for any free address on loopback.
        """
        raise NotImplementedError("write `def make(self, address=''): return MyGateway(...)` in the test class")

    async def connect(self, address: str, token: str, data_dir: Path) -> GatewayConnection:
        """Connects to the gateway like an outside agent, and presents a token.

        Args:
            address: the attribute ``address`` of the gateway.
            token: the token; it may be wrong, or empty.
            data_dir: the data directory of the machine.

        Raises:
            HyperverseError: the gateway refuses the agent.
            OSError, EOFError: nobody listens, or the gateway has ended the connection.
        """
        raise NotImplementedError("write `async def connect(self, address, token, data_dir)` in the test class")

    def transport(self) -> LaneTransport | None:
        """Returns the lane transport of the machine: one inside the process. None for that of the configuration."""
        return LocalTransport()

    def whose_move(self) -> str:
        """The person who has to change something when a test fails."""
        return f"the author of the gateway {type(self.make()).__qualname__}"

    @pytest_asyncio.fixture
    async def world(self, tmp_path: Path, hyperverse_leaks: None) -> AsyncIterator[GatewayWorld]:
        """A machine with the gateway."""
        data_dir = tmp_path / "data"
        config = Config(
            name="kit",
            data_dir=data_dir,
            lease=60.0,
            control=Control(enabled=False),
            gateways={"gateway-kit": {}},
            limits=Limits(client_waves=WAVES, body=BODY),
        )
        plugin = WorldPlugin()

        async def connect(address: str, token: str) -> GatewayConnection:
            return await self.connect(address, token, data_dir)

        registry = MemoryRegistry()
        async with Machine(config, plugins=[plugin], registry=registry, transport=self.transport()) as machine:
            world = GatewayWorld(machine, plugin, self.make, connect, self.patience)
            await world.prepare()
            try:
                yield world
            finally:
                await world.close()
