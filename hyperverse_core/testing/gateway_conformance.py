"""GatewayConformance: the requirements for every gateway, whatever protocol its agents speak.

::

    class TestMyGateway(GatewayConformance):
        receives = False                # what the gateway cannot do: see below

        def make(self, address: str = "") -> Gateway:
            return MyGateway({"address": address})

        async def connect(self, address: str, token: str, data_dir: Path) -> GatewayConnection:
            return await MyConnection.open(address, token)

A :class:`GatewayConnection` has ``ping`` and ``close``. The tests are asynchronous: pytest-asyncio has to be in its
``auto`` mode.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("hyperverse_core.testing.gateway_kit")

from .gateway_kit.life import GatewayEndings, GatewayTraces  # noqa: E402  # asserts are rewritten from here on
from .gateway_kit.rights import Rights, TooMuch  # noqa: E402
from .gateway_kit.world import GatewayConnection  # noqa: E402

__all__ = ["GatewayConformance", "GatewayConnection"]


class GatewayConformance(Rights, TooMuch, GatewayEndings, GatewayTraces):
    """The whole kit. A subclass implements ``make`` and ``connect``, and declares what its gateway cannot do.

    Attributes:
        receives: whether an agent gets the waves that are sent to the point of its session.
        many_waves: whether a connection is one session, which may have many waves in progress at once.
        carries_bodies: whether waves of agents may have a body.
        lane_endpoints: whether it listens by ``host.transport``, whose sockets are closed when the machine stops.
        patience: maximum number of seconds until an expected event happens.
    """
