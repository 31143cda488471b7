"""Lanes over ZeroMQ ipc with CURVE, between two processes, against a bare pyzmq echo with the same socket options.

    python tests/bench/bench_lanes.py [seconds for each figure] [--json FILE]

Prints microseconds for each echo, the least of five rounds that alternate between the two, and their ratio: the least
is what other work on the computer disturbs least. The scheduler places the processes.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop
import zmq

from bench.report import Report, Row
from hyperverse_core.contracts.lane import Endpoint, Identity, Peer
from hyperverse_zmq.settings import ZmqSettings
from hyperverse_zmq.sockets import configure
from hyperverse_zmq.transport import ZmqTransport

FRAME = b"x" * 100
ROUNDS = 5


class Counter:
    """Keeps ``flight`` echoes in flight for a while, and counts them."""

    def __init__(self, flight: int, seconds: float, send: Callable[[bytes], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._flight = flight
        self._end = self._loop.time() + seconds
        self._send = send
        self._began = time.perf_counter()
        self._echoes = 0
        self.result: asyncio.Future[float] = self._loop.create_future()

    def begin(self) -> None:
        for _ in range(self._flight):
            self._send(FRAME)

    def came(self) -> None:
        self._echoes += 1
        if self._loop.time() < self._end:
            self._send(FRAME)
        elif not self.result.done():
            self.result.set_result((time.perf_counter() - self._began) / self._echoes * 1e6)


class BareSocket:
    """A ZeroMQ socket on the event loop, and nothing else: one message for each frame."""

    def __init__(self, socket: zmq.Socket[bytes], came: Callable[[list[bytes]], None]) -> None:
        self.socket = socket
        self._came = came
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(int(socket.getsockopt(zmq.FD)), self._turn)

    def _turn(self) -> None:
        try:
            while True:
                self._came(self.socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return

    def send(self, parts: Sequence[bytes]) -> None:
        self.socket.send_multipart(parts, zmq.NOBLOCK)
        if int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            self._loop.call_soon(self._turn)


def bare_socket(kind: int, identity: Identity, server_key: str = "") -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    configure(socket, ZmqSettings(), ipv6=False)
    socket.sndhwm = socket.rcvhwm = 1000
    socket.curve_publickey, socket.curve_secretkey = identity.public.encode(), identity.secret.encode()
    if server_key:
        socket.curve_serverkey = server_key.encode()
    else:
        socket.curve_server = True
    return socket


async def serve_bare(address: str, identity: Identity) -> None:
    socket = bare_socket(zmq.ROUTER, identity)
    socket.bind(address)
    bare = BareSocket(socket, lambda parts: bare.send(parts))
    print("ready", flush=True)
    await asyncio.Event().wait()


async def drive_bare(address: str, key: str, flight: int, seconds: float) -> float:
    socket = bare_socket(zmq.DEALER, ZmqTransport().new_identity(), key)
    socket.connect(address)
    bare = BareSocket(socket, lambda parts: counter.came())
    counter = Counter(flight, seconds, lambda frame: bare.send([frame]))
    counter.begin()
    figure = await counter.result
    asyncio.get_running_loop().remove_reader(int(socket.getsockopt(zmq.FD)))
    socket.close(0)
    return figure


class Echo:
    """A receiver that sends everything back, or hands it to a counter."""

    def __init__(self, transport: ZmqTransport) -> None:
        self.transport = transport
        self.counter: Counter | None = None

    def lane_up(self, peer: Peer) -> None: ...

    def lane_down(self, peer: Peer, reason: str) -> None: ...

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        if self.counter is None:
            for frame in frames:
                self.transport.send(peer, frame)
        else:
            for _ in frames:
                self.counter.came()


async def serve_lane(address: str, identity: Identity) -> None:
    transport = ZmqTransport()
    await transport.open(Endpoint("bench", address, identity), Echo(transport))
    print("ready", flush=True)
    await asyncio.Event().wait()


async def drive_lane(address: str, key: str, flight: int, seconds: float) -> float:
    transport = ZmqTransport()
    echo = Echo(transport)
    peer = await transport.connect(address, echo, server_key=key)
    echo.counter = Counter(flight, seconds, lambda frame: transport.send(peer, frame))
    echo.counter.begin()
    figure = await echo.counter.result
    transport.abort()
    return figure


SERVE: dict[str, Callable[[str, Identity], Any]] = {"bare": serve_bare, "lane": serve_lane}
DRIVE: dict[str, Callable[[str, str, int, float], Any]] = {"bare": drive_bare, "lane": drive_lane}
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def run(loop: str, main: Any) -> Any:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(main)


def measure(loop: str, what: str, flight: int, seconds: float, folder: Path) -> float:
    identity = ZmqTransport().new_identity()
    address = f"ipc://{folder}/{loop}-{what}-{flight}"
    words = [sys.executable, __file__, "--serve", loop, what, address, identity.public, identity.secret]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            return float(run(loop, DRIVE[what](address, identity.public, flight, seconds)))
        finally:
            server.kill()


def main(seconds: float, report: Report) -> None:
    print(f"{'':28}{'bare us':>10}{'lane us':>10}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for loop in LOOPS:
            for flight in (1, 256):
                figures: dict[str, list[float]] = {"bare": [], "lane": []}
                for _ in range(ROUNDS):
                    for what, found in figures.items():
                        found.append(measure(loop, what, flight, seconds, Path(folder)))
                bare, lane = (min(found) for found in figures.values())
                report.add(
                    Row(
                        name=f"echo over a lane, {flight} in flight",
                        value=lane,
                        reference="bare pyzmq",
                        reference_value=bare,
                        loop=loop,
                    )
                )
                print(f"{loop + f', {flight} in flight':28}{bare:10.1f}{lane:10.1f}{lane / bare:8.2f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        loop, what, address, public, secret = sys.argv[2:]
        run(loop, SERVE[what](address, Identity(public, secret)))
    else:
        arguments = argparse.ArgumentParser(description=__doc__)
        arguments.add_argument("seconds", type=float, nargs="?", default=1.0, help="for each figure")
        arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
        given = arguments.parse_args()
        main(given.seconds, Report(given.json))
