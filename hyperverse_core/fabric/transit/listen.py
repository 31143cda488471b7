"""Listening where the config says, or where the transport does by default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...contracts.lane import Endpoint, Identity, LaneReceiver, LaneTransport
from ...errors import Conflict, Unavailable

__all__ = ["listen", "listen_beside"]

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


async def listen_beside(
    transport: LaneTransport,
    name: str,
    lanes: Mapping[str, Any],
    identity: Identity,
    receiver: LaneReceiver,
    directory: Path,
    *,
    address: str,
    advertise: str,
) -> str:
    """Opens one more endpoint for machines, which proves another key, and returns the address that others are told.

    Args:
        transport: listens.
        name: of the endpoint.
        lanes: the table ``[lanes]`` of the config.
        identity: the other key pair.
        receiver: gets what comes.
        directory: the machine's folder.
        address: where to listen; empty for where the config says, or the transport does.
        advertise: what others are told; empty for where it listens.

    Raises Conflict when the config fixes the address, or what others are told; Unavailable and BadRequest as the
    transport does.
    """
    if lanes.get("advertise") and not advertise:
        raise Conflict(
            f"the config fixes the address that others are told: {lanes['advertise']}",
            hint="name the one of the new key, `--address ADDRESS --advertise ADDRESS`, until the next start",
        )
    chosen = address or str(lanes.get("address", ""))
    try:
        opened = await listen(transport, name, chosen, identity, receiver, directory)
    except Unavailable as exc:
        if address:
            raise
        raise Conflict(
            f"the config fixes the address, where the key before is proved: {exc.message}",
            hint="name another address for the new key, `--address ADDRESS`; after the next start it is proved at "
            "the address of the config",
        ) from exc
    return advertise or opened
