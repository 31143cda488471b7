"""Raw ZeroMQ sockets with a valid CURVE key that do not behave."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

import zmq
import zmq.asyncio

from hyperverse_core.contracts.lane import Identity
from patience import PATIENCE

__all__ = ["ACK", "BYE", "DATA", "GONE", "HELLO", "WELCOME", "RawPeer", "message", "raw_peer"]

HELLO, WELCOME, DATA, ACK, BYE, GONE = 1, 2, 3, 4, 5, 6


def message(kind: int, body: bytes = b"", count: int = 0) -> bytes:
    """A message as the protocol has it."""
    return struct.pack("<BI", kind, count) + body


class RawPeer:
    """A DEALER socket without any of our code around it."""

    def __init__(self, socket: zmq.asyncio.Socket) -> None:
        self.socket = socket

    async def send(self, *parts: bytes) -> None:
        await self.socket.send_multipart(parts)

    async def receive(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return bytes(await self.socket.recv())

    async def greet(self) -> None:
        """Behaves, once."""
        await self.send(message(HELLO, b"\1\0"))
        assert await self.receive() == message(WELCOME, b"\1\0")

    async def until_bye(self) -> str:
        """The reason for which the other side ends the connection."""
        while True:
            got = await self.receive()
            if got[0] == BYE:
                return got[5:].decode()


@contextlib.asynccontextmanager
async def raw_peer(
    address: str, server_key: str = "", *, identity: Identity | None = None, routing_id: bytes = b""
) -> AsyncIterator[RawPeer]:
    """A raw socket connected to an endpoint, with CURVE if there is a ``server_key``."""
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    if routing_id:
        socket.setsockopt(zmq.ROUTING_ID, routing_id)
    if server_key:
        public, secret = zmq.curve_keypair()
        if identity is not None:
            public, secret = identity.public.encode(), identity.secret.encode()
        socket.curve_serverkey = server_key.encode()
        socket.curve_publickey, socket.curve_secretkey = public, secret
    socket.connect(address)
    try:
        yield RawPeer(socket)
    finally:
        context.destroy(0)
