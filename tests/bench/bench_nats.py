"""Lanes over NATS between two processes, against bare nats-py (publish and callback, there and back) and ZeroMQ.

    python tests/bench/bench_nats.py [seconds for each figure] [--json FILE]

Starts a server of its own on this computer. Prints microseconds for each echo of 100 bytes with uvloop, the least of
five rounds that alternate between all of them, and the ratios. The scheduler places the processes.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.bench_lanes import FRAME, ROUNDS, Counter, Echo, run
from bench.report import Report, Row
from hyperverse_core.transport import Endpoint, Identity, LaneTransport
from hyperverse_zmq.transport import ZmqTransport
from nats_server import running_server

REFERENCE = "bare nats-py"
ZMQ = "zmq lane, tcp"
NATS = "nats lane"
TARGETS = {1: 1.8, 64: 0.6, 256: 0.35}
"""Of bare nats-py, by frames in flight."""
TO_ZMQ = 2.2
"""Of our lane over ZeroMQ and TCP, 256 frames in flight."""
LOOP = "uvloop"


def transport_of(what: str, url: str) -> LaneTransport:
    """A transport of its own."""
    if what == ZMQ:
        return ZmqTransport()
    from hyperverse_nats.transport import NatsTransport  # needs the extra

    return NatsTransport({"servers": url})


async def connect(url: str, subject: str, came: Callable[[Any, bytes], Any]) -> Any:
    """A bare client that listens at a subject."""
    import nats

    client = await nats.connect(url)

    async def taken(message: Any) -> None:
        await came(client, message.data)

    await client.subscribe(subject, cb=taken)
    await client.flush()
    return client


async def serve(what: str, url: str, identity: Identity) -> None:
    """The side that answers."""
    if what == REFERENCE:
        await connect(url, "there", lambda client, data: client.publish("back", data))
        print("there", flush=True)
    else:
        transport = transport_of(what, url)
        address = "tcp://127.0.0.1:*" if what == ZMQ else ""
        print(await transport.open(Endpoint("b", address, identity), Echo(transport)), flush=True)  # type: ignore[arg-type]
    await asyncio.Event().wait()


async def drive_bare(url: str, flight: int, seconds: float) -> float:
    """Microseconds for each message there and back."""
    done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    began, echoes = time.perf_counter(), 0

    async def came(client: Any, data: bytes) -> None:
        nonlocal echoes
        echoes += 1
        if (took := time.perf_counter() - began) < seconds:
            await client.publish("there", data)
        elif not done.done():
            done.set_result(took / echoes * 1e6)

    client = await connect(url, "back", came)
    began = time.perf_counter()
    for _ in range(flight):
        await client.publish("there", FRAME)
    figure = await done
    await client.close()
    return figure


async def drive(what: str, url: str, address: str, key: str, flight: int, seconds: float) -> float:
    """The side that asks."""
    if what == REFERENCE:
        return await drive_bare(url, flight, seconds)
    transport = transport_of(what, url)
    echo = Echo(transport)  # type: ignore[arg-type]
    peer = await transport.connect(address, echo, server_key=key)
    echo.counter = Counter(flight, seconds, lambda frame: transport.send(peer, frame))
    echo.counter.begin()
    figure = await echo.counter.result
    await transport.close()
    return figure


def measure(what: str, url: str, flight: int, seconds: float) -> float:
    """Starts the other process, and measures once."""
    identity = Identity() if what == REFERENCE else transport_of(what, url).new_identity()
    words = [sys.executable, __file__, "--serve", what, url, identity.public, identity.secret]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            return float(run(LOOP, drive(what, url, address, identity.public, flight, seconds)))
        finally:
            server.kill()


def main(seconds: float, report: Report) -> None:
    """Starts a server and measures."""
    with running_server() as server:
        for flight, at_most in TARGETS.items():
            figures: dict[str, list[float]] = {REFERENCE: [], NATS: [], ZMQ: []}
            for _ in range(ROUNDS):
                for what, found in figures.items():
                    found.append(measure(what, server.url, flight, seconds))
            ours = min(figures.pop(NATS))
            for what, found in figures.items():
                reference = min(found)
                bound = at_most if what == REFERENCE else TO_ZMQ if flight == 256 else None
                name = f"echo over a lane on NATS, {flight} in flight"
                report.add(
                    Row(name=name, value=ours, reference=what, reference_value=reference, at_most=bound, loop=LOOP)
                )
                print(f"{flight:4} in flight {ours:8.1f} us   {what:14}{reference:8.1f} us {ours / reference:6.2f}x")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        what, url, public, secret = sys.argv[2:]
        run(LOOP, serve(what, url, Identity(public, secret)))
    else:
        arguments = argparse.ArgumentParser(description=__doc__)
        arguments.add_argument("seconds", type=float, nargs="?", default=1.0, help="for each figure")
        arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
        given = arguments.parse_args()
        main(given.seconds, Report(given.json))
