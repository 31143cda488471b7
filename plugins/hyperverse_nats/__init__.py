"""The plugin ``nats``: lanes over a NATS server, which machines on many hosts share.

From the outside in: ``transport`` has the contract, ``listener`` lets others in, ``attempt`` connects, ``pump`` moves
the messages, ``link`` encrypts and numbers them, ``presence`` tells who lives, ``session`` is one connection to the
server, and ``handshake`` proves keys. The server carries bytes: it can neither read nor forge nor repeat them.
"""

from __future__ import annotations

from hyperverse_core import Register, hookimpl

__all__ = ["hyperverse_register_transports"]


@hookimpl
def hyperverse_register_transports(register: Register) -> None:
    """Names the transport. nats-py is imported only when the config chooses it."""
    register("nats", "hyperverse_nats.transport:NatsTransport", extra="nats")
