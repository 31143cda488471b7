"""Opens endpoints at the configured address, or at the transport's default address."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from ..contracts.lane import Endpoint, Identity, LaneReceiver, LaneTransport
from ..errors import BadRequest, ConfigError, Conflict, Unavailable

__all__ = ["Endpoints"]

_HELLO_BYTES: Final = 64 * 1024
"""Number of bytes that an unaccepted peer may have unfinished, which is small because its hello is short."""


@attrs.frozen(eq=False)
class Endpoints:
    """Opens the endpoints of one kind: for machines, or for clients.

    Attributes:
        transport: the transport that listens.
        directory: the machine's directory, which the transport's default address may depend on.
        receiver: gets incoming connections and frames.
        fixed: the configured address; empty for the transport's default.
    """

    transport: LaneTransport
    directory: Path
    receiver: LaneReceiver
    fixed: str = ""

    async def open(self, name: str, identity: Identity, address: str = "") -> str:
        """Opens an endpoint and returns the address to which peers connect.

        Args:
            name: name of the endpoint; the transport's default address is derived from it.
            identity: the key pair that the endpoint proves.
            address: the address to listen at; empty for the configured one, or else the transport's default.

        Raises Unavailable and BadRequest like the transport, and ConfigError if the configured address is wrong.
        """
        chosen = address or self.fixed or self.transport.default_address(name, self.directory)
        endpoint = Endpoint(name, chosen, identity, unanswered=_HELLO_BYTES)
        try:
            return await self.transport.open(endpoint, self.receiver)
        except ConfigError:
            raise  # about another setting
        except BadRequest as exc:
            if address or not self.fixed:
                raise
            raise ConfigError(f"address: {exc.message}", hint=exc.hint) from exc

    async def open_beside(self, name: str, identity: Identity, address: str) -> str:
        """Opens one more endpoint that proves another key, and returns the address to which peers connect.

        Arguments as for :meth:`open`. Raises Conflict if the config fixes the address; Unavailable and BadRequest like
        the transport.
        """
        try:
            return await self.open(name, identity, address)
        except Unavailable as exc:
            if address:
                raise
            raise Conflict(
                f"the config fixes the address, where the previous key is still used: {exc.message}",
                hint="name another address for the new key, `--address ADDRESS`; after the next start it is used at "
                "the configured address",
            ) from exc
