"""A second process with a ZeroMQ transport. Says on its standard output, line by line, what happens to it.

other_process.py connect ADDRESS SERVER_KEY [echo|mute|busy]
other_process.py open ADDRESS [echo|mute|busy]
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from hyperverse_core.contracts.lane import Endpoint, Peer
from hyperverse_zmq.transport import ZmqTransport


def say(text: str) -> None:
    print(text, flush=True)


class Teller:
    """Tells its ups and downs; echoes, keeps mute, or blocks its event loop for three seconds, once."""

    def __init__(self, transport: ZmqTransport, manner: str) -> None:
        self._transport = transport
        self._manner = manner
        self.got = 0

    def lane_up(self, peer: Peer) -> None:
        say("up")

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        self.got += len(frames)
        if self._manner == "busy" and self.got == len(frames):
            say("busy")
            time.sleep(3.0)
        if self._manner == "echo" or frames[-1] == b"how many?":
            for frame in frames:
                self._transport.send(peer, b"%d" % self.got if frame == b"how many?" else frame)

    def lane_down(self, peer: Peer, reason: str) -> None:
        say(f"down {reason}")


async def main(what: str, address: str, *rest: str) -> None:
    transport = ZmqTransport()
    if what == "connect":
        hears = Teller(transport, rest[1])
        await transport.connect(address, hears, server_key=rest[0], timeout=60.0)
        say("connected")
    else:
        hears = Teller(transport, rest[0])
        endpoint = Endpoint("other", address, transport.new_identity())
        say(f"{await transport.open(endpoint, hears)} {endpoint.identity.public}")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
