"""A PostgreSQL server of a run, and the ways of its machines to it, which can be cut."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path

from postgres_server import temporary_server
from registry.cutting_proxy import SOCKET, CuttingProxy

__all__ = ["ChaosDatabase"]


class ChaosDatabase:
    """Runs from :meth:`open` to :meth:`close`. Each machine comes to the server by a way of its own.

    Args:
        machines: their names.
    """

    def __init__(self, machines: tuple[str, ...]) -> None:
        self._machines = machines
        self._context = temporary_server()
        self._folder = Path(tempfile.mkdtemp(prefix="hv-ways-"))
        self._listening: list[asyncio.Server] = []
        self._ways: dict[str, CuttingProxy] = {}

    async def open(self) -> None:
        """Starts the server, and opens the ways to it."""
        self._server = await asyncio.to_thread(self._context.__enter__)
        url = self._server.url()
        for name in self._machines:
            folder = self._folder / name
            folder.mkdir()
            way = CuttingProxy(url.replace(str(self._server.folder), str(folder)), f"{self._server.folder}/{SOCKET}")
            self._listening.append(await asyncio.start_unix_server(way.serve, str(folder / SOCKET)))
            self._ways[name] = way

    def table(self, machine: str) -> str:
        """The table of the config of a machine."""
        return f'[registry]\nurl = "{self._ways[machine].url}"\n'

    def cut_a_commit(self, machine: str) -> None:
        """The next save of a machine arrives, and its answer does not: the connection breaks."""
        self._ways[machine].cut_answer = b"save"

    def part(self, machine: str) -> None:
        """A machine has no way to the server from now on."""
        self._ways[machine].closed = True
        self._ways[machine].cut()

    def join(self, machine: str) -> None:
        """It has one again."""
        self._ways[machine].closed = False

    def stop_at_once(self) -> None:
        """The server ends as in a crash, and writes nothing any more."""
        self._server.stop(signal.SIGQUIT)

    def start(self) -> None:
        """The server comes back, and reads its log."""
        self._server.start()

    async def close(self) -> None:
        """Ends all of it."""
        for server in self._listening:
            server.close()
        for way in self._ways.values():
            way.cut()
        await asyncio.to_thread(self._context.__exit__)
        shutil.rmtree(self._folder, ignore_errors=True)
