"""A peer in another process: when that process dies or is stopped, its lane is down soon, and nobody waits for it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import pytest

from ...contracts.lane import Endpoint, LaneTransport, Peer
from ...errors import LaneFull, Unavailable
from .harness import Harness, LaneTests, MakeTransport
from .other_process import CANNOT_IMPORT, CONNECT, LISTEN, import_path
from .recorder import Recorder

__all__ = ["OtherProcesses"]

_Process: TypeAlias = asyncio.subprocess.Process
_FRAME: Final = 4096
_HOW: Final = {"dies": signal.SIGKILL, "stops": signal.SIGSTOP}


@pytest.mark.asyncio
class OtherProcesses(LaneTests):
    """What a transport must notice about the processes of its peers."""

    @pytest.mark.parametrize("how", _HOW)
    async def test_the_lane_to_a_process_that_dies_or_stops_is_down(
        self, harness: Harness, make_transport: MakeTransport, how: str
    ) -> None:
        path = self._importable(make_transport)
        async with self._other(harness, path) as (_, process, hears, guest):
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

    @pytest.mark.parametrize("how", ["disconnect", "close"])
    async def test_a_full_lane_to_a_process_that_stands_still_can_be_ended(
        self, harness: Harness, make_transport: MakeTransport, how: str
    ) -> None:
        path = self._importable(make_transport)
        async with self._other(harness, path) as (near, process, _, guest):
            process.send_signal(signal.SIGSTOP)
            for _ in range(self.flood_frames):
                try:
                    near.send(guest, bytes(_FRAME))
                except (LaneFull, Unavailable):
                    break
            try:
                async with asyncio.timeout(self.patience):
                    await (near.disconnect(guest) if how == "disconnect" else near.close())
            except TimeoutError:
                raise AssertionError(
                    f"{how}() waits for a peer that reads nothing: give up after a second, and end the connection"
                ) from None
            with pytest.raises(Unavailable):
                near.send(guest, b"anybody?")

    async def test_a_process_that_stands_still_is_not_waited_for_when_connecting(
        self, harness: Harness, make_transport: MakeTransport
    ) -> None:
        path = self._importable(make_transport)
        near, address = await harness.transport(), harness.address()
        async with _started(LISTEN, path, address) as process:
            assert process.stdout is not None
            async with asyncio.timeout(harness.patience):
                told = (await process.stdout.readline()).decode().split()
            if await self._cannot_import(process, told):
                pytest.skip(f"another process cannot import {path!r}: set `transport_path`")
            address, key = told[0], "".join(told[1:])
            await near.disconnect(
                await near.connect(address, harness.recorder(), server_key=key, timeout=harness.patience)
            )
            process.send_signal(signal.SIGSTOP)
            try:
                async with asyncio.timeout(self.patience):
                    with pytest.raises(Unavailable):
                        await near.connect(address, harness.recorder(), server_key=key, timeout=1.0)
            except TimeoutError:
                raise AssertionError(
                    "connect() waits for a process that does not answer: `timeout` is for the whole attempt"
                ) from None

    def _importable(self, make_transport: MakeTransport) -> str:
        """What another process imports to make transports. Skips the test when there is nothing."""
        if not self.crosses_processes:
            pytest.skip("this transport stays in one process")
        path = self.transport_path or import_path(make_transport)
        if not path:
            pytest.skip(
                "the other process must import what makes transports: let the fixture make_transport return a function "
                "or class of a module, or set `transport_path`"
            )
        return path

    @asynccontextmanager
    async def _other(
        self, harness: Harness, path: str
    ) -> AsyncIterator[tuple[LaneTransport, _Process, Recorder, Peer]]:
        """Another process that has connected to a transport, with the receiver of its connection, and the peer."""
        near, hears = await harness.transport(), harness.recorder()
        endpoint = Endpoint("stars", harness.address(), near.new_identity())
        address = await near.open(endpoint, hears)
        async with _started(CONNECT, path, address, endpoint.identity.public) as process:
            await self._connected(process, hears, path)
            guest = hears.ups[0]
            await hears.have(1, guest)
            yield near, process, hears, guest

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

    @staticmethod
    async def _cannot_import(process: _Process, told: Sequence[str]) -> bool:
        """Whether the listening process has ended because it lacks the factory. Fails when it has ended otherwise."""
        if told:
            return False
        ended = await process.wait()
        assert ended == CANNOT_IMPORT, (
            f"a transport must listen in another process, and that one ended with {ended}; its error is on stderr"
        )
        return True


@asynccontextmanager
async def _started(*words: str) -> AsyncIterator[_Process]:
    """Another process of the kit, which ends with the test."""
    paths = os.pathsep.join(filter(None, sys.path))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"{__package__}.other_process", *words),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
