"""Lanes over Unix sockets and TCP between two processes, against a bare asyncio echo of the same frames, and ZeroMQ.

    python tests/bench/bench_streams.py [seconds for each figure] [--json FILE]

Prints microseconds for each echo of 100 bytes, the least of five rounds that alternate between all of them, and the
ratio of each lane to the bare echo over the same kind of socket. The scheduler places the processes.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.bench_lanes import LOOPS, ROUNDS, Counter, Echo, run
from bench.report import Report, Row
from hyperverse_core.transport import Endpoint, Identity, LaneTransport
from hyperverse_stream.transport import StreamTransport
from hyperverse_zmq.transport import ZmqTransport

LANES: dict[str, tuple[Callable[[], LaneTransport], str]] = {
    "stream lane, unix": (StreamTransport, "unix://{}"),
    "stream lane, tcp": (StreamTransport, "tcp://127.0.0.1:*"),
    "zmq lane, ipc": (ZmqTransport, "ipc://{}"),
}
REFERENCE = "bare unix stream"


class BareStream(asyncio.Protocol):
    """Frames behind their length, and nothing else: one write for each."""

    def __init__(self, came: Callable[[BareStream, bytes], None]) -> None:
        self._came = came
        self._rest = b""
        self.stream: asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        self.stream = transport

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while len(data) - at >= 4:
            end = at + 4 + int.from_bytes(data[at : at + 4], "little")
            if end > len(data):
                break
            self._came(self, data[at + 4 : end])
            at = end
        self._rest = data[at:]

    def send(self, frame: bytes) -> None:
        self.stream.write(len(frame).to_bytes(4, "little") + frame)


async def serve(what: str, file: str, identity: Identity) -> None:
    if what == REFERENCE:
        loop = asyncio.get_running_loop()
        await loop.create_unix_server(lambda: BareStream(BareStream.send), file)
        print(file, flush=True)
    else:
        make, address = LANES[what]
        transport = make()
        print(await transport.open(Endpoint("b", address.format(file), identity), Echo(transport)), flush=True)
    await asyncio.Event().wait()


async def drive(what: str, address: str, key: str, flight: int, seconds: float) -> float:
    if what == REFERENCE:
        loop = asyncio.get_running_loop()
        _, bare = await loop.create_unix_connection(lambda: BareStream(lambda *_: counter.came()), address)
        counter = Counter(flight, seconds, bare.send)
        counter.begin()
        figure = await counter.result
        bare.stream.abort()
        return figure
    transport = LANES[what][0]()
    echo = Echo(transport)
    peer = await transport.connect(address, echo, server_key=key)
    echo.counter = Counter(flight, seconds, lambda frame: transport.send(peer, frame))
    echo.counter.begin()
    figure = await echo.counter.result
    transport.abort()
    return figure


def measure(loop: str, what: str, flight: int, seconds: float, file: Path) -> float:
    identity = Identity() if what == REFERENCE else LANES[what][0]().new_identity()
    words = [sys.executable, __file__, "--serve", loop, what, str(file), identity.public, identity.secret]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            return float(run(loop, drive(what, address, identity.public, flight, seconds)))
        finally:
            server.kill()
            file.unlink(missing_ok=True)


def main(seconds: float, report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for loop in LOOPS:
            for flight in (1, 256):
                figures: dict[str, list[float]] = {REFERENCE: [], **{what: [] for what in LANES}}
                for _ in range(ROUNDS):
                    for what, found in figures.items():
                        found.append(measure(loop, what, flight, seconds, Path(folder, "s")))
                bare = min(figures.pop(REFERENCE))
                print(f"{loop}, {flight} in flight: {REFERENCE} {bare:.1f} us")
                for what, found in figures.items():
                    name = f"echo over a {what}, {flight} in flight"
                    row = Row(name=name, value=min(found), reference=REFERENCE, reference_value=bare, loop=loop)
                    report.add(row)
                    print(f"    {what:20}{min(found):8.1f} us{min(found) / bare:8.2f}x", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        loop, what, file, public, secret = sys.argv[2:]
        run(loop, serve(what, file, Identity(public, secret)))
    else:
        arguments = argparse.ArgumentParser(description=__doc__)
        arguments.add_argument("seconds", type=float, nargs="?", default=1.0, help="for each figure")
        arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
        given = arguments.parse_args()
        main(given.seconds, Report(given.json))
