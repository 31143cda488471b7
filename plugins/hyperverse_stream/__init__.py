"""Lanes over the operating system's streams: Unix sockets and TCP, without a library or a broker in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperverse_core import hookimpl

if TYPE_CHECKING:
    from hyperverse_core import Register

__all__ = ["hyperverse_register_transports"]


@hookimpl
def hyperverse_register_transports(register: Register) -> None:
    """Registers the transport; its module is loaded when the config asks for it."""
    register("stream", "hyperverse_stream.transport:StreamTransport")
