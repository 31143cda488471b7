"""A TCP proxy between machines, whose wires can be cut: what was connected breaks, and nothing new gets through."""

from __future__ import annotations

import asyncio
import contextlib

__all__ = ["Proxy"]


class Proxy:
    """Listens in the place of one address.

    Attributes:
        port: where it listens.
        is_cut: whether nothing gets through.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self._whole = asyncio.Event()
        self._whole.set()
        self.port = 0
        self.is_cut = False

    async def open(self) -> None:
        """Begins to listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            if self.is_cut:
                return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(self._pump(reader, far), self._pump(far_reader, writer))
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._pairs.discard(task)
            for end in (writer, far):
                if end is not None:
                    end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._whole.wait()  # kept back, as by a network that has gone silent
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    def cut(self) -> None:
        """Nothing gets through from now on; nobody is told."""
        self.is_cut = True
        self._whole.clear()

    def heal(self) -> None:
        """Everything gets through again, on new connections."""
        self.is_cut = False
        self._whole.set()
        for pair in list(self._pairs):
            pair.cancel()

    async def close(self) -> None:
        """Ends everything."""
        self.heal()
        await asyncio.gather(*self._pairs, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
