"""Gateways that are right pass the kit: the control gate, and a little one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gateway.little_gateway import LittleKit
from hyperverse_core import Client, Pong
from hyperverse_core.gateway import Gateway
from hyperverse_core.gateway.gate import ControlGate
from hyperverse_core.testing import GatewayConformance, GatewayConnection


class TestLittle(LittleKit):
    """The gateway that the broken ones are made from."""


class ClientConnection(GatewayConnection):
    """A client of the control gate."""

    def __init__(self, client: Client) -> None:
        self.client = client
        client._pending._window = 1 << 10  # it would hold back what the gate has to refuse
        self.waves: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        client.on_wave(lambda wave: self.waves.put_nowait((wave.method.text, wave.body)))

    async def ping(self, point: str, method: str, body: Any = None) -> Pong:
        return await self.client.ping(point, method, body, wait=30.0)

    async def received(self) -> tuple[str, Any]:
        return await self.waves.get()

    async def close(self) -> None:
        await self.client.close()


class TestControlGate(GatewayConformance):
    lane_endpoints = True

    def make(self, address: str = "") -> Gateway:
        return ControlGate({"address": address})

    def transport(self) -> None:
        """Clients come from elsewhere: the transport of the configuration."""

    async def connect(self, address: str, token: str, data_dir: Path) -> GatewayConnection:
        return ClientConnection(await Client.connect(data_dir, token=token, timeout=3.0))
