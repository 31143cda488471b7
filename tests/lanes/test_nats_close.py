"""A NATS transport that is closed leaves no socket behind, whatever it was about to do."""

from __future__ import annotations

import asyncio
import gc
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from hyperverse_core.errors import HyperverseError
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_core.testing.lane_kit.recorder import Recorder
from hyperverse_core.transport import Endpoint
from hyperverse_nats.transport import NatsTransport
from nats_server import NatsServer
from patience import PATIENCE

_TURNS = 30
"""Of the loop until it is closed, at most: it listens after fewer of them, or after more where the server is slow."""


def _left_open(work: Callable[[], Any]) -> list[str]:
    """What was not closed when the event loop in which ``work`` ran is gone."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(work())
        gc.collect()
    return [str(found.message) for found in caught if issubclass(found.category, ResourceWarning)]


def test_one_that_is_closed_while_it_connects_leaves_no_socket(nats_settings: dict[str, Any]) -> None:
    for turns in range(_TURNS):

        async def work(turns: int = turns) -> None:
            transport = NatsTransport(nats_settings)
            identity = transport.new_identity()
            opening = asyncio.ensure_future(transport.open(Endpoint("stars", "", identity), Recorder(PATIENCE)))
            for _ in range(turns):
                await asyncio.sleep(0.0005)
            await transport.close()
            with suppress(HyperverseError, asyncio.CancelledError):
                await opening

        assert _left_open(work) == []


def test_one_that_has_lost_its_server_leaves_no_socket(nats_server: Callable[..., NatsServer]) -> None:
    server = nats_server()

    async def work() -> None:
        transport = NatsTransport({"servers": server.url})
        await transport.open(Endpoint("stars", "", transport.new_identity()), Recorder(PATIENCE))
        await asyncio.to_thread(server.stop)
        async with asyncio.timeout(PATIENCE):
            while transport._session is not None:  # noqa: ASYNC110  # it is not told outside
                await asyncio.sleep(0)
        await transport.close()

    assert _left_open(work) == []


def test_one_that_is_aborted_while_much_waits_to_leave_leaves_no_socket(nats_server: Callable[..., NatsServer]) -> None:
    server = nats_server()

    async def work() -> None:
        harness = Harness(partial(NatsTransport, {"servers": server.url}), lambda: "", PATIENCE)
        pair = await harness.pair()
        server.send(signal.SIGSTOP)  # it takes nothing more, so the socket has something to send
        session = pair.far._session  # type: ignore[attr-defined]
        for _ in range(100):
            pair.far.send(pair.guest, bytes(100_000))
            await asyncio.sleep(0)
        while not session._client._transport._io_writer.transport.get_write_buffer_size():
            session.put("elsewhere", bytes(100_000))
            await asyncio.sleep(0)
        harness.end()

    assert _left_open(work) == []
