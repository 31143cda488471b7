"""A peer in another process: when that process dies, or is stopped, its lane is down soon."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import pytest

from ...contracts.lane import Endpoint, Peer
from .harness import Harness, LaneTests, MakeTransport
from .other_process import CANNOT_IMPORT, import_path
from .recorder import Recorder

__all__ = ["OtherProcesses"]

_Process: TypeAlias = asyncio.subprocess.Process
_HOW: Final = {"dies": signal.SIGKILL, "stops": signal.SIGSTOP}


@pytest.mark.asyncio
class OtherProcesses(LaneTests):
    """What a transport must notice about the processes of its peers."""

    @pytest.mark.parametrize("how", _HOW)
    async def test_the_lane_to_a_process_that_dies_or_stops_is_down(
        self, harness: Harness, make_transport: MakeTransport, how: str
    ) -> None:
        if not self.crosses_processes:
            pytest.skip("this transport stays in one process")
        path = self.transport_path or import_path(make_transport)
        if not path:
            pytest.skip(
                "the other process must import what makes transports: let the fixture make_transport return a function "
                "or class of a module, or set `transport_path`"
            )
        async with self._other(harness, path) as (process, hears, guest):
            process.send_signal(_HOW[how])
            try:
                async with asyncio.timeout(self.notices_within):
                    await hears.have_down(guest)
            except TimeoutError:
                raise AssertionError(
                    f"lane_down must be called within {self.notices_within:g} s when the process of a peer {how}, and "
                    "was not: send heartbeats, or look at the connection; or set `notices_within`"
                ) from None
            assert hears.downs_of(guest) == 1, f"lane_down must be called once, and was {hears.downs_of(guest)} times"

    @asynccontextmanager
    async def _other(self, harness: Harness, path: str) -> AsyncIterator[tuple[_Process, Recorder, Peer]]:
        """Another process that has connected, with the receiver of its connection, and the peer."""
        near, hears = await harness.transport(), harness.recorder()
        endpoint = Endpoint("stars", harness.address(), near.new_identity())
        address = await near.open(endpoint, hears)
        words = [sys.executable, "-m", f"{__package__}.other_process", path, address, endpoint.identity.public]
        paths = os.pathsep.join(filter(None, sys.path))
        process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": paths}
        )
        try:
            await self._connected(process, hears, path)
            guest = hears.ups[0]
            await hears.have(1, guest)
            yield process, hears, guest
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _connected(self, process: _Process, hears: Recorder, path: str) -> None:
        """Returns when the other process has connected."""
        up, ended = asyncio.ensure_future(hears.have_up()), asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait([up, ended], return_when=asyncio.FIRST_COMPLETED)
            if up.done():
                await up
                return
            if ended.result() == CANNOT_IMPORT:
                pytest.skip(f"another process cannot import {path!r}: set `transport_path`")
            raise AssertionError(
                f"a transport must connect from another process, and that one ended with {ended.result()}; its error "
                "is on stderr"
            )
        finally:
            up.cancel()
            ended.cancel()
