"""Opens endpoints where the config says, or where the transport listens by default."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from ..contracts.lane import Endpoint, Identity, LaneReceiver, LaneTransport
from ..errors import Conflict, Unavailable

__all__ = ["Endpoints"]

_HELLO_BYTES: Final = 64 * 1024
"""Bytes that a peer may have unfinished before it is let in: its hello is short."""


@attrs.frozen(eq=False)
class Endpoints:
    """Opens the endpoints of one kind: those for machines, or those for clients.

    Attributes:
        transport: listens.
        directory: the machine's folder, which the transport's default address may depend on.
        receiver: gets what comes.
        fixed: the address that the config names; empty for the transport's default.
    """

    transport: LaneTransport
    directory: Path
    receiver: LaneReceiver
    fixed: str = ""

    async def open(self, name: str, identity: Identity, address: str = "") -> str:
        """Opens an endpoint and returns the address that peers connect to.

        Args:
            name: of the endpoint; the transport's default address is made of it.
            identity: the key pair that the endpoint proves.
            address: where to listen; empty for where the config says, or the transport does.

        Raises Unavailable and BadRequest as the transport does.
        """
        chosen = address or self.fixed or self.transport.default_address(name, self.directory)
        return await self.transport.open(Endpoint(name, chosen, identity, unanswered=_HELLO_BYTES), self.receiver)

    async def open_beside(self, name: str, identity: Identity, address: str) -> str:
        """Opens one more endpoint, which proves another key, and returns the address that peers connect to.

        Arguments as of :meth:`open`. Raises Conflict when the config fixes the address; Unavailable and BadRequest as
        the transport does.
        """
        try:
            return await self.open(name, identity, address)
        except Unavailable as exc:
            if address:
                raise
            raise Conflict(
                f"the config fixes the address, where the key before is proved: {exc.message}",
                hint="name another address for the new key, `--address ADDRESS`; after the next start it is proved at "
                "the address of the config",
            ) from exc
