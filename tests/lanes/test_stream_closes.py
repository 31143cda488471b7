"""A transport that closes leaves no socket open, whoever connects in that moment."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings

import pytest

from hyperverse_core.contracts.lane import Endpoint
from hyperverse_core.testing.lane_kit.recorder import Recorder
from hyperverse_stream.transport import StreamTransport
from patience import PATIENCE


@pytest.mark.parametrize("turns", range(5))
async def test_who_connects_as_it_closes_is_closed_too(turns: int) -> None:
    transport = StreamTransport()
    address = await transport.open(Endpoint("e", "", transport.new_identity()), Recorder(PATIENCE))
    loop = asyncio.get_running_loop()
    with warnings.catch_warnings(record=True) as warned, socket.socket(socket.AF_UNIX) as stranger:
        warnings.simplefilter("always")
        stranger.connect(address.removeprefix("unix://"))
        for _ in range(turns):
            await asyncio.sleep(0)
        await transport.close()
        stranger.setblocking(False)
        async with asyncio.timeout(PATIENCE):
            try:
                while await loop.sock_recv(stranger, 100):
                    pass
            except ConnectionError:
                pass
        await asyncio.sleep(0)
        gc.collect()
    assert [str(each.message) for each in warned] == []
