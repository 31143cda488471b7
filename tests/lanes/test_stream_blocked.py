"""A peer on this computer whose event loop is blocked is waited for; one that was stopped is not."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator

import attrs
import pytest

from hyperverse_core.contracts.lane import Endpoint, Peer
from hyperverse_core.testing.lane_kit.recorder import Recorder
from hyperverse_stream.peer_process import UNKNOWN, PeerProcess
from hyperverse_stream.transport import StreamTransport
from patience import PATIENCE, until

QUICK = {"heartbeat_interval": 0.1, "heartbeat_timeout": 0.4}
_BLOCKS = """
import asyncio, sys
from hyperverse_core.testing.lane_kit.recorder import Recorder
from hyperverse_stream.transport import StreamTransport

async def main(key, *addresses):
    transport = StreamTransport()
    unix, _ = [await transport.connect(each, Recorder(60.0), server_key=key, timeout=60.0) for each in addresses]
    transport.send(unix, b"here")
    for _ in range(3):
        await asyncio.sleep(0)  # it leaves in one of these turns
    print("blocked", flush=True)
    sys.stdin.readline()  # not a turn of the event loop until a line comes
    transport.send(unix, b"again")
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


@attrs.define
class Blocked:
    """Another process that has connected over a Unix socket and over TCP, and now does not let go of its event loop."""

    process: asyncio.subprocess.Process
    hears: Recorder
    unix: Peer
    tcp: Peer

    async def goes_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        await self.process.stdin.drain()


async def blocked(**settings: float) -> AsyncIterator[Blocked]:
    transport, hears = StreamTransport(QUICK | settings), Recorder(PATIENCE)
    identity = transport.new_identity()
    addresses = [
        await transport.open(Endpoint(name, address, identity), hears)
        for name, address in (("unix", ""), ("tcp", "tcp://127.0.0.1:*"))
    ]
    words = [sys.executable, "-c", _BLOCKS, identity.public, *addresses]
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"blocked\n"
        by_name = {peer.endpoint: peer for peer in hears.ups}
        await hears.have(1, by_name["unix"])
        yield Blocked(process, hears, by_name["unix"], by_name["tcp"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        transport.abort()


@pytest.fixture
async def other() -> AsyncIterator[Blocked]:
    async for found in blocked():
        yield found


async def test_a_peer_over_a_unix_socket_whose_loop_is_blocked_is_waited_for(
    other: Blocked, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hyperverse.lane.stream")
    await other.hears.have_down(other.tcp)  # the same settings: so long nothing was heard of the other lane either
    await until(lambda: "its event loop is blocked" in caplog.text, "the log says so")
    assert not other.hears.downs_of(other.unix)
    await other.goes_on()
    await other.hears.have(2, other.unix)
    assert not other.hears.downs_of(other.unix)
    assert caplog.text.count("its event loop is blocked") == 1


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
async def test_one_that_is_stopped_or_ends_meanwhile_is_down(other: Blocked, how: signal.Signals) -> None:
    await other.hears.have_down(other.tcp)
    other.process.send_signal(how)
    await other.hears.have_down(other.unix)


async def test_the_patience_has_an_end() -> None:
    async for other in blocked(blocked_timeout=0.5):
        await other.hears.have_down(other.unix)


def test_of_a_process_that_has_ended_or_is_not_known_nobody_says_that_it_runs() -> None:
    assert not UNKNOWN.runs() and UNKNOWN.is_ours()
    assert not PeerProcess(2**22 + 1, 0).runs()
