"""The portal is a gateway as the contract says."""

from __future__ import annotations

from pathlib import Path

from hyperverse_core import Pong
from hyperverse_core.errors import error_for_status
from hyperverse_core.testing import GatewayConformance, GatewayConnection
from hyperverse_portal.gateway import PortalGateway
from portal.web import ask


class PortalConnection(GatewayConnection):
    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.token = token

    async def ping(self, point: str, method: str, body: object = None) -> Pong:
        got = await ask(self.address, "POST", f"/-/api/ping/{point}/{method}", token=self.token, body=body)
        said = got.json
        return Pong(got.status, said["body"] if "outcome" in said else said)

    async def close(self) -> None:
        pass


class TestPortal(GatewayConformance):
    receives = False
    test_what_is_sent_to_the_session_arrives = None  # a connection sends; the streams of test_portal.py receive

    def make(self, address: str = "") -> PortalGateway:
        place = address.removeprefix("http://").partition("/")[0]
        return PortalGateway({"address": place or "127.0.0.1:0", "idle": 1.0})

    async def connect(self, address: str, token: str, data_dir: Path) -> PortalConnection:
        got = await ask(address, "GET", "/-/metrics", token=token)
        if got.status != 200:
            raise error_for_status(got.status, got.json["error"])
        return PortalConnection(address, token)
