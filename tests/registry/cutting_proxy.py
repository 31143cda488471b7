"""A proxy in front of a PostgreSQL server that cuts connections at a chosen moment."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

__all__ = ["SOCKET", "CuttingProxy", "proxied"]

SOCKET = ".s.PGSQL.5432"
"""Name of the socket of a server in its folder."""


@attrs.define(eq=False)
class CuttingProxy:
    """Carries bytes until it is told to cut.

    Attributes:
        url: of the server through this proxy.
        cut_answer: text of a request whose answer is not carried: the connection is cut instead, once.
        cut_request: text of a request that is not carried: the connection is cut instead, once.
        closed: whether new connections are refused.
        silent: whether nothing is carried, while connections stay open and new ones are accepted: as a network that is
            unplugged, or a server that is stopped.
        stops_at: text of the last request of a client that is stopped then: nothing is carried any more, in either
            direction, and ``stopped`` is set.
        requests: how often the client has sent something and waited for the answer.
        keeps_open: the end of a connection of the server reaches no client, as if it were still on its way.
        ended: how many connections the server has ended.
        counts: text that is looked for in what the server sends.
        counted: how often the server has sent it.
    """

    url: str
    _to: str
    cut_answer: bytes = b""
    cut_request: bytes = b""
    closed: bool = False
    silent: bool = False
    stops_at: bytes = b""
    stopped: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    requests: int = 0
    keeps_open: bool = False
    ended: int = 0
    counts: bytes = b""
    counted: int = 0
    _writers: set[asyncio.StreamWriter] = attrs.field(factory=set, init=False)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if self.closed:
            writer.close()
            return
        try:
            there, out = await asyncio.open_unix_connection(self._to)
        except OSError:  # the server is away
            writer.close()
            return
        self._writers |= {writer, out}
        mute = asyncio.Event()
        back = asyncio.ensure_future(self._carry(there, writer, mute))
        try:
            while data := await reader.read(65536):
                if self.silent:
                    continue
                self.requests += 1
                if self.cut_request and self.cut_request in data:
                    self.cut_request = b""
                    break
                if self.cut_answer and self.cut_answer in data:
                    self.cut_answer = b""
                    mute.set()
                out.write(data)
                if self.stops_at and self.stops_at in data:
                    await out.drain()
                    self.silent = True
                    self.stopped.set()
        except OSError:
            pass
        finally:
            if mute.is_set():
                await back
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for one in (writer, out):
                self._writers.discard(one)
                one.close()

    async def _carry(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, mute: asyncio.Event) -> None:
        try:
            while data := await there.read(65536):
                if self.counts:
                    self.counted += data.count(self.counts)
                if self.silent:
                    continue
                if mute.is_set():
                    writer.transport.abort()
                    return
                writer.write(data)
        except OSError:  # the server has died with something unread: the client has to hear of that as well
            pass
        self.ended += 1
        if not self.keeps_open:
            writer.close()

    def cut(self) -> None:
        """Cuts what is connected."""
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[CuttingProxy]:
    """A proxy in front of the server of a URL that names the folder of a Unix socket."""
    folder = url.partition("?host=")[2]
    own = Path(tempfile.mkdtemp(prefix="hv-cut-"))
    proxy = CuttingProxy(url.replace(folder, str(own)), f"{folder}/{SOCKET}")
    server = await asyncio.start_unix_server(proxy.serve, str(own / SOCKET))
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await asyncio.sleep(0)
        shutil.rmtree(own)
