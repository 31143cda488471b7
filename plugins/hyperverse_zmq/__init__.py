"""Lanes over ZeroMQ: ``ipc://`` and ``tcp://``, encrypted and authenticated with CURVE, always."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperverse_core import hookimpl

if TYPE_CHECKING:
    from hyperverse_core import Register

__all__ = ["hyperverse_register_transports"]


@hookimpl
def hyperverse_register_transports(register: Register) -> None:
    """Registers the transport; the module that imports pyzmq is loaded when the config asks for it."""
    register("zmq", "hyperverse_zmq.transport:ZmqTransport", extra="zmq")
