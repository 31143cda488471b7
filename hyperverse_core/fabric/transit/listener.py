"""The endpoints at which other machines connect to this one."""

from __future__ import annotations

from ...contracts.lane import Identity, LaneReceiver, LaneTransport
from ...errors import Conflict
from ...lanes.endpoints import Endpoints
from .board_settings import BoardSettings

__all__ = ["Listener"]


class Listener:
    """Listens for other machines, and knows the address announced to them.

    Args:
        settings: see :class:`BoardSettings`.
        transport: the transport that listens.
        receiver: gets incoming connections and frames.
    """

    def __init__(self, settings: BoardSettings, transport: LaneTransport, receiver: LaneReceiver) -> None:
        lanes = settings.lanes
        self._opener = Endpoints(transport, settings.directory, receiver, str(lanes.get("address", "")))
        self._advertise = str(lanes.get("advertise", ""))
        self._endpoints = 1

    async def open(self, identity: Identity) -> str:
        """Opens the first endpoint, and returns the address announced to others.

        Args:
            identity: the key pair that the endpoint proves.

        Raises Unavailable and BadRequest like the transport.
        """
        opened = await self._opener.open("stars", identity)
        return self._advertise or opened

    async def open_beside(self, identity: Identity, address: str, advertise: str) -> tuple[str, str]:
        """Opens one more endpoint, which proves another key. Returns its name, and the address announced to others.

        Args:
            identity: the other key pair.
            address: the address to listen at; empty for the configured address, or else the transport's default.
            advertise: the address announced to others; empty for the address of the listener.

        Raises Conflict if the config fixes the address, or the announced address; Unavailable and BadRequest like the
        transport.
        """
        if self._advertise and not advertise:
            raise Conflict(
                f"the config fixes the announced address: {self._advertise}",
                hint="name an address for the new key, `--address ADDRESS --advertise ADDRESS`, until the next start",
            )
        name = f"stars-{self._endpoints + 1}"
        opened = await self._opener.open_beside(name, identity, address)
        self._endpoints += 1
        return name, advertise or opened
