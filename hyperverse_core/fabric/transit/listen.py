"""Listening where the config says, or where the transport does by default."""

from __future__ import annotations

from pathlib import Path

from ...contracts.lane import Endpoint, Identity, LaneReceiver, LaneTransport

__all__ = ["listen"]

_HELLO_BYTES = 64 * 1024
"""Bytes that a machine may have unfinished before it is let in: its hello is short."""


async def listen(
    transport: LaneTransport, purpose: str, address: str, identity: Identity, receiver: LaneReceiver, directory: Path
) -> str:
    """Opens an endpoint and returns the address that peers connect to.

    Args:
        transport: listens.
        purpose: name of the endpoint, ``stars`` or ``clients``.
        address: where to listen; empty for the transport's default.
        identity: the key pair of the endpoint.
        receiver: gets what comes.
        directory: the machine's folder.

    Raises Unavailable and BadRequest as the transport does.
    """
    chosen = address or transport.default_address(purpose, directory)
    return await transport.open(Endpoint(purpose, chosen, identity, unanswered=_HELLO_BYTES), receiver)
