"""A pooler in transaction mode, as strict as PgBouncer: each transaction comes to another session of the server."""

from __future__ import annotations

import asyncio
import shutil
import struct
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from registry.cutting_proxy import SOCKET

__all__ = ["TransactionPooler", "pooled"]

_SSL, _GSS = 80877103, 80877104
_KNOWN = {"user", "database", "client_encoding", "application_name"}
_SESSIONS = 3


@attrs.define(eq=False)
class _Session:
    """A connection to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    body = await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
    return head[:1], head + body


def _made(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


@attrs.define(eq=False)
class TransactionPooler:
    """Lends a session to a client until its transaction has ended.

    Attributes:
        url: of the server through this pooler.
        ignores: whether it ignores startup parameters that it does not take, instead of refusing the client.
        refused: startup parameters that clients have sent and a pooler does not take.
        lent: how often a session was lent.
    """

    url: str
    _to: str
    _database: str
    ignores: bool = False
    refused: set[str] = attrs.field(factory=set, init=False)
    lent: int = attrs.field(default=0, init=False)
    _free: asyncio.Queue[_Session] = attrs.field(factory=asyncio.Queue, init=False)
    _sessions: list[_Session] = attrs.field(factory=list, init=False)
    _greeting: bytes = attrs.field(default=b"", init=False)

    async def open(self) -> None:
        """Connects to the server."""
        for _ in range(_SESSIONS):
            reader, writer = await asyncio.open_unix_connection(self._to)
            text = f"user\0hyperverse\0database\0{self._database}\0\0".encode()
            writer.write(struct.pack("!II", len(text) + 8, 3 << 16) + text)
            greeting, kind = b"", b""
            while kind != b"Z":
                kind, whole = await _message(reader)
                greeting += whole
            self._greeting = greeting
            session = _Session(reader, writer)
            self._sessions.append(session)
            self._free.put_nowait(session)

    def close(self) -> None:
        """Disconnects from the server."""
        for session in self._sessions:
            session.writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        pump: asyncio.Task[None] | None = None
        try:
            if not await self._greet(reader, writer):
                return
            session: _Session | None = None
            while True:
                kind, whole = await _message(reader)
                if kind == b"X":
                    return
                if pump is None or pump.done():
                    session = await self._free.get()
                    self.lent += 1
                    pump = asyncio.ensure_future(self._carry(session, writer))
                assert session is not None
                session.writer.write(whole)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            if pump is not None and not pump.done():
                pump.cancel()
            writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while True:
            size, code = struct.unpack("!II", await reader.readexactly(8))
            rest = await reader.readexactly(size - 8)
            if code not in (_SSL, _GSS):
                break
            writer.write(b"N")
        words = rest.rstrip(b"\0").decode().split("\0")
        unknown = set(words[::2]) - _KNOWN
        if unknown and not self.ignores:
            self.refused |= unknown
            said = f"SFATAL\0C08P01\0Munsupported startup parameter: {sorted(unknown)[0]}\0\0"
            writer.write(_made(b"E", said.encode()))
            return False
        writer.write(self._greeting)
        return True

    async def _carry(self, session: _Session, writer: asyncio.StreamWriter) -> None:
        """What the server says, until a transaction has ended: the session is free again before the client knows."""
        while True:
            kind, whole = await _message(session.reader)
            if kind == b"Z" and whole[5:6] == b"I":
                self._free.put_nowait(session)
                writer.write(whole)
                return
            writer.write(whole)


@asynccontextmanager
async def pooled(url: str, *, ignores: bool = False) -> AsyncIterator[TransactionPooler]:
    """A pooler in front of the server of a URL that names the folder of a Unix socket."""
    start, _, folder = url.partition("?host=")
    own = Path(tempfile.mkdtemp(prefix="hv-pool-"))
    database = start.rpartition("/")[2]
    pooler = TransactionPooler(url.replace(folder, str(own)), f"{folder}/{SOCKET}", database, ignores)
    await pooler.open()
    server = await asyncio.start_unix_server(pooler.serve, str(own / SOCKET))
    try:
        yield pooler
    finally:
        server.close()
        pooler.close()
        await asyncio.sleep(0)
        shutil.rmtree(own)
