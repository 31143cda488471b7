"""The plugin ``nats``: lanes over a NATS server, which machines on many hosts share.

From the outside in: ``transport`` implements the contract, ``listener`` accepts connections, ``attempt`` connects,
``pump`` moves the messages, ``link`` encrypts and numbers them, ``presence`` reports which machines are alive,
``session`` is one connection to the server, and ``handshake`` proves keys. The server carries bytes: it can neither
read nor forge nor replay them.
"""

from __future__ import annotations

from hyperverse_core import Register, hookimpl

__all__ = ["hyperverse_register_transports"]


@hookimpl
def hyperverse_register_transports(register: Register) -> None:
    """Registers the transport. nats-py is imported only when the config chooses it."""
    register("nats", "hyperverse_nats.transport:NatsTransport", extra="nats")
